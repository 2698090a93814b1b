"""One code per class, drawn as it is."""

from edgegan.core import errors


def classes() -> list[type]:
    return [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.GeneratorError)]


def test_the_tree_on_the_page_is_the_tree_in_the_code():
    for cls in classes():
        line = next(row for row in errors.__doc__.splitlines() if f" {cls.__name__} " in f" {row} ".replace("─", " "))
        assert str(cls.exit_code) in line.split()


def test_each_direct_class_has_a_code_of_its_own():
    direct = [c for c in classes() if c.__base__ is errors.GeneratorError]
    assert len({c.exit_code for c in direct}) == len(direct)


def test_a_missing_package_is_told_with_its_pip_line():
    error = errors.MissingPackageError("litert_torch", "mobile", "Exporting")
    assert "pip install 'edgegan[mobile]'" in str(error) and "litert_torch" in str(error)


def test_nearest_names_what_was_meant():
    assert "jetson-orin" in errors.nearest("jetson-orion", ["jetson-orin", "mobile"])
    assert "known: a, b" in errors.nearest("zzzz", ["b", "a"])
