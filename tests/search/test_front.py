from hypothesis import given
from hypothesis import strategies as st

from edgegan.search.front import better_half, dominates, front

POINTS = st.lists(st.tuples(st.integers(0, 20).map(float), st.integers(0, 20).map(float)), min_size=1, max_size=20)


@given(POINTS)
def test_the_front_is_what_no_other_beats(points):
    best = front(points)
    costs = [points[i][0] for i in best]
    assert costs == sorted(costs) and len(set(costs)) == len(costs)
    for point in points:
        beaten = any(dominates(points[j], point) for j in best)
        assert beaten is (point not in [points[j] for j in best])


@given(POINTS)
def test_half_is_kept_front_after_front(points):
    kept = better_half(points)
    assert len(kept) == (len(points) + 1) // 2
    dropped = set(range(len(points))) - kept
    assert not any(dominates(points[d], points[k]) for d in dropped for k in kept if points[d] != points[k])


def test_by_hand():
    points = [(1, 10), (2, 20), (3, 15), (2, 20), (4, 20.5)]
    assert front(points) == [0, 1, 4]
    assert better_half([(1, 1), (2, 2), (3, 3), (4, 4), (2.1, 2.1), (5, 0)]) == {0, 3, 2}
