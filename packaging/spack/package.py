# Spack: put this folder into a repository of packages as packages/heavykeys, then
#   spack dev-build heavykeys@0.1.0        from a checkout of heavykeys
from spack.package import *


class Heavykeys(CMakePackage):
    """Heavy-attention detection in one pass, the same bytes from every engine."""

    license("Apache-2.0")

    version("0.1.0")

    variant("shared", default=True, description="Shared libraries")
    variant("tbb", default=True, description="The oneTBB schedule")
    variant("openmp", default=True, description="The OpenMP schedule")
    variant("mpi", default=True, description="Many ranks")
    variant("tools", default=True, description="The heavykeys command")
    variant("c", default=True, description="The C interface, always a shared library")

    requires("target=x86_64:", msg="other processors have not been tried")
    conflicts("%gcc@:11", msg="needs C++20")

    depends_on("cxx", type="build")
    depends_on("c", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("eigen@3.4:")
    depends_on("highway@1:")
    depends_on("random123")
    depends_on("intel-oneapi-tbb", when="+tbb")
    depends_on("mpi@3:", when="+mpi")
    depends_on("cli11@2:", when="+tools")
    depends_on("fmt@9:", when="+tools")
    depends_on("nlohmann-json@3.9:")

    generator("ninja")

    def cmake_args(self):
        return [
            self.define_from_variant("BUILD_SHARED_LIBS", "shared"),
            self.define_from_variant("HEAVYKEYS_TBB", "tbb"),
            self.define_from_variant("HEAVYKEYS_OPENMP", "openmp"),
            self.define_from_variant("HEAVYKEYS_MPI", "mpi"),
            self.define_from_variant("HEAVYKEYS_TOOLS", "tools"),
            self.define_from_variant("HEAVYKEYS_C", "c"),
            self.define("HEAVYKEYS_CUDA", "OFF"),
            self.define("HEAVYKEYS_TESTS", False),
            self.define("HEAVYKEYS_EXAMPLES", False),
            self.define("HEAVYKEYS_WARNINGS_AS_ERRORS", False),
        ]
