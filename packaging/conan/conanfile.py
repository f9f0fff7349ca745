"""heavykeys for Conan 2: `conan create packaging/conan --build=missing`, from a checkout of heavykeys."""

import re
from pathlib import Path

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load
from conan.tools.gnu import PkgConfigDeps


class Heavykeys(ConanFile):
    name = "heavykeys"
    description = "Heavy-attention detection in one pass, the same bytes from every engine"
    license = "Apache-2.0"
    topics = ("attention", "leverage scores", "kv cache", "streaming")
    settings = "os", "arch", "compiler", "build_type"
    package_type = "library"
    options = {"shared": [True, False], "with_tbb": [True, False], "with_openmp": [True, False], "tools": [True, False], "c": [True, False]}
    default_options = {"shared": False, "with_tbb": True, "with_openmp": True, "tools": True, "c": True}

    def set_version(self):
        root = Path(self.recipe_folder).parent.parent
        self.version = re.search(r"project\(heavykeys VERSION ([0-9.]+)", load(self, root / "CMakeLists.txt"))[1]

    def export_sources(self):
        root = Path(self.recipe_folder).parent.parent
        for part in ("CMakeLists.txt", "LICENSE", "CHANGELOG.md", "packaging/copyright", "cmake/*", "include/*", "lib/*", "streaming/*", "parallel/*",
                     "distributed/*", "c/*", "tools/*"):
            copy(self, part, root, self.export_sources_folder)

    def requirements(self):
        self.requires("eigen/3.4.0")
        self.requires("highway/1.0.3")
        self.requires("nlohmann_json/3.11.2")
        self.requires("random123/1.14.0")
        if self.options.with_tbb:
            self.requires("onetbb/2021.8.0")
        if self.options.tools:
            self.requires("cli11/2.3.2")
            self.requires("fmt/9.1.0")

    def validate(self):
        check_min_cppstd(self, 20)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        PkgConfigDeps(self).generate()  # highway is found by pkg-config
        toolchain = CMakeToolchain(self)
        for name, value in {"TBB": self.options.with_tbb, "OPENMP": self.options.with_openmp, "TOOLS": self.options.tools, "C": self.options.c,
                            "MPI": False, "CUDA": "OFF", "TESTS": False, "EXAMPLES": False, "WARNINGS_AS_ERRORS": False}.items():
            toolchain.cache_variables[f"HEAVYKEYS_{name}"] = value if isinstance(value, (bool, str)) else bool(value)
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, Path(self.package_folder) / "licenses")
        CMake(self).install()

    def package_info(self):
        # heavykeys brings its own CMake package, with its components.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs.append("lib/cmake/heavykeys")
