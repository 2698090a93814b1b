"""What an app on the device imports: numpy and one vendor library, chosen when an artifact is loaded."""

from edgegan.core.errors import ArtifactError, DeviceError, GeneratorError, MissingPackageError, UsageError
from edgegan.runtime.generator import Generator, load

__all__ = ["ArtifactError", "DeviceError", "Generator", "GeneratorError", "MissingPackageError", "UsageError", "load"]
