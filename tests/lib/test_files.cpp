// Key files: what is written comes back, and no header is believed.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "heavykeys/error.hpp"
#include "heavykeys/files.hpp"
#include "lib/atomic_file.hpp"
#include "lib/mapped_file.hpp"

using namespace heavykeys;
namespace fs = std::filesystem;

namespace {

/// A folder that is gone when the test is.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "heavykeys-files-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }

  fs::path operator/(const std::string& name) const { return path_ / name; }
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return (path_ / name).string();
  }
  std::size_t size() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  fs::path path_;
};

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

mode_t mode(const fs::path& path) {
  struct stat status;
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

std::string npy(const std::string& dict, std::size_t data_bytes, char major = 1) {
  std::string text("\x93NUMPY", 6);
  text += major;
  text += '\0';
  text += static_cast<char>(dict.size() & 0xff);
  text += static_cast<char>(dict.size() >> 8);
  if (major > 1) text += std::string(2, '\0');
  return text + dict + std::string(data_bytes, '\0');
}

std::string npy_of(const std::string& descr, const std::string& shape, std::size_t data_bytes) {
  return npy("{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n", data_bytes);
}

std::string safetensors(const std::string& json, std::size_t data_bytes) {
  std::string text(8, '\0');
  const std::uint64_t length = json.size();
  std::memcpy(text.data(), &length, 8);
  return text + json + std::string(data_bytes, '\0');
}

/// The text of the InvalidInput that opening throws; it begins with the file and is one line.
std::string refusal(const std::string& name) {
  try {
    open_tensor(name);
  } catch (const InvalidInput& error) {
    const std::string text = error.what();
    CHECK(text.starts_with(name.substr(0, name.find(".safetensors"))));
    CHECK(text.find('\n') == std::string::npos);
    return text;
  }
  FAIL("opened " << name);
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return true;
  UNSCOPED_INFO(text);
  return false;
}

}  // namespace

TEST_CASE("npy: what is written comes back", "[files]") {
  const Folder folder;
  const std::vector<float> values = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const fs::path path = folder / "k.npy";

  write_npy(path, "<f4", {2, 3, 2}, values.data());
  const Tensor tensor = open_tensor(path.string());
  CHECK(tensor.dtype == Dtype::f32);
  CHECK(tensor.shape == std::vector<std::size_t>{2, 3, 2});
  CHECK(tensor.heads() == 2);
  CHECK(tensor.count() == 3);
  CHECK(tensor.dim() == 2);
  const Rows second = tensor.head(1);
  CHECK(second.count == 3);
  CHECK(second.row_stride == 2);
  CHECK(second.first_id == 0);
  CHECK(std::memcmp(second.data, values.data() + 6, 6 * sizeof(float)) == 0);
  CHECK_THROWS_AS(tensor.head(2), InvalidInput);

  write_npy(path, "<f4", {6, 2}, values.data());  // over the older one, which stays mapped
  CHECK(open_tensor(path.string()).heads() == 1);
  CHECK(static_cast<const float*>(tensor.data)[11] == 12.0f);
  CHECK(folder.size() == 1);
}

TEST_CASE("npy: the written header is numpy's own", "[files]") {
  const Folder folder;
  const std::vector<std::int64_t> values = {5};
  write_npy(folder / "one.npy", "<i8", {1}, values.data());
  const std::string bytes = read(folder / "one.npy");
  CHECK(bytes.substr(0, 10) == std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  CHECK(contains(bytes, "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }"));
  CHECK(bytes.size() == 128 + 8);
  CHECK(bytes[127] == '\n');

  write_npy(folder / "none.npy", "<f8", {0}, nullptr);
  CHECK(read(folder / "none.npy").size() == 128);
}

TEST_CASE("npy: header versions and spellings", "[files]") {
  const Folder folder;
  const std::string dict = "{\"shape\": ( 2 ,3),'fortran_order':False,  'descr':'<f8'}";
  for (const char major : {'\1', '\2', '\3'}) {
    const Tensor tensor = open_tensor(folder.write("k.npy", npy(dict, 48, major)));
    CHECK(tensor.shape == std::vector<std::size_t>{2, 3});
    CHECK(tensor.dtype == Dtype::f64);
  }
  CHECK(open_tensor(folder.write("h.npy", npy_of("<f2", "(0, 3)", 0))).count() == 0);
}

TEST_CASE("npy: a header that is not all there says how much is needed", "[files]") {
  const std::string whole = npy_of("<f4", "(2, 2)", 0);
  const auto* bytes = reinterpret_cast<const std::byte*>(whole.data());
  CHECK(parse_npy_header(nullptr, 0, "x").header_bytes == 10);
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const std::size_t needed = parse_npy_header(bytes, size, "x").header_bytes;
    CHECK(needed > size);
    CHECK(needed <= whole.size());
  }
  const NpyHeader header = parse_npy_header(bytes, whole.size(), "x");
  CHECK(header.header_bytes == whole.size());
  CHECK(header.descr == "<f4");
}

TEST_CASE("npy: malformed headers are refused", "[files]") {
  const Folder folder;
  const std::vector<std::string> dicts = {
      "",
      "{}",
      "{'descr': '<f4'}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), 'more': 1}",
      "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2, 2)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2 2)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 2)}",
      "{'descr: <f4",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)} x"};
  for (const auto& dict : dicts) {
    CAPTURE(dict);
    CHECK(contains(refusal(folder.write("k.npy", npy(dict, 16))), "malformed"));
  }
  CHECK(contains(refusal(folder.write("k.npy", "PK\3\4")), "not an npy"));
  CHECK(contains(refusal(folder.write("k.npy", npy("{}", 0, 4))), "version 4"));
  CHECK(contains(refusal(folder.write("k.npy", std::string("\x93NUMPY\2\0\xff\xff\xff\xff", 12))), "claims"));
  const std::string fortran = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2)}";
  CHECK(contains(refusal(folder.write("k.npy", npy(fortran, 16))), "Fortran"));
  const std::string record = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 2)}";
  CHECK(contains(refusal(folder.write("k.npy", npy(record, 16))), "structured"));
  for (const std::string descr : {"<i4", ">f4", "|u1", "<f16", ""}) {
    CHECK(contains(refusal(folder.write("k.npy", npy_of(descr, "(2, 2)", 16))), "'" + descr + "'"));
  }
}

TEST_CASE("npy: shapes are checked against the file", "[files]") {
  const Folder folder;
  const std::string text = refusal(folder.write("k.npy", npy_of("<f4", "(4, 4)", 60)));
  CHECK(contains(text, "truncated: 60 bytes of data are there, 64 are needed for [4, 4] float32"));
  CHECK(contains(refusal(folder.write("k.npy", npy_of("<f4", "(4, 4)", 65))), "65 bytes"));
  CHECK(contains(refusal(folder.write("k.npy", npy_of("<f4", "(16,)", 64))), "neither"));
  CHECK(contains(refusal(folder.write("k.npy", npy_of("<f4", "(2, 2, 2, 2)", 64))), "neither"));
  // Products that wrap around to something small.
  CHECK(contains(refusal(folder.write("k.npy", npy_of("<f4", "(4294967296, 1073741824)", 64))), "larger"));
  CHECK(contains(refusal(folder.write("k.npy", npy_of("<f4", "(18446744073709551615, 2)", 64))), "larger"));
  CHECK(
      contains(refusal(folder.write("k.npy", npy_of("<f4", "(18446744073709551616, 2)", 64))), "too large"));
  CHECK(contains(refusal(folder.write("k.npy", npy_of("<f4", "(9999999999, 9)", 64))), "truncated"));

  const std::string whole = npy_of("<f4", "(4, 4)", 64);
  for (std::size_t keep = 0; keep < whole.size(); ++keep) {
    CHECK_FALSE(refusal(folder.write("k.npy", whole.substr(0, keep))).empty());
  }
}

TEST_CASE("safetensors: tensors by name", "[files]") {
  const Folder folder;
  // 2 bytes of another tensor in front: the float32 data begin off their alignment.
  const std::string json =
      R"({"__metadata__":{"a":"b"},"half":{"dtype":"F16","shape":[1,1],"data_offsets":[0,2]},)"
      R"("full":{"dtype":"F32","shape":[2,1],"data_offsets":[2,10]},"byte":{"dtype":"U8","shape":[1,1],)"
      R"("data_offsets":[0,1]}})";
  const std::string path =
      folder.write("k.safetensors", safetensors(json, 2) + std::string("\0\0\x80\x3f\0\0\0\x40", 8));
  const Tensor full = open_tensor(path + ":full");
  CHECK(full.dtype == Dtype::f32);
  CHECK(full.shape == std::vector<std::size_t>{2, 1});
  CHECK(static_cast<const float*>(full.data)[0] == 1.0f);
  CHECK(static_cast<const float*>(full.data)[1] == 2.0f);
  CHECK(open_tensor(path + ":half").dtype == Dtype::f16);

  CHECK(contains(refusal(path + ":none"), "no tensor none; it has byte, full, half"));
  CHECK(contains(refusal(path), "it has byte, full, half"));
  CHECK(contains(refusal(path + ":byte"), "U8"));
}

TEST_CASE("safetensors: no header is believed", "[files]") {
  const Folder folder;
  const auto refuse = [&](const std::string& entry) {
    return refusal(folder.write("k.safetensors", safetensors("{\"k\":" + entry + "}", 16)) + ":k");
  };
  CHECK(contains(refuse(R"({"dtype":"F32","shape":[2,3],"data_offsets":[0,16]})"),
                 "16 bytes of data are there, 24"));
  CHECK(contains(refuse(R"({"dtype":"F32","shape":[1,3],"data_offsets":[0,16]})"), "only 12"));
  CHECK(contains(refuse(R"({"dtype":"F32","shape":[2,3],"data_offsets":[0,24]})"), "truncated: 16"));
  CHECK(contains(refuse(R"({"dtype":"F32","shape":[4],"data_offsets":[0,16]})"), "neither"));
  CHECK(
      contains(refuse(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]})"), "larger"));
  CHECK(contains(refuse(R"({"dtype":"F32","shape":[2,2],"data_offsets":[16,0]})"), "begin, end"));
  CHECK(contains(refuse(R"({"dtype":"F32","shape":[2,2],"data_offsets":[0]})"), "begin, end"));
  CHECK(contains(refuse(R"({"dtype":"F32","shape":[2,2],"data_offsets":[0,18446744073709551616]})"),
                 "data_offsets"));
  CHECK(contains(refuse(R"({"dtype":"F32","shape":[-2,2],"data_offsets":[0,16]})"), "shape"));
  CHECK(contains(refuse(R"({"dtype":"F32","shape":"2,2","data_offsets":[0,16]})"), "shape"));
  CHECK(contains(refuse(R"({"dtype":7,"shape":[2,2],"data_offsets":[0,16]})"), "dtype"));
  CHECK(contains(refuse("[]"), "dtype"));
  CHECK(contains(refuse("{"), "not a JSON object"));

  CHECK(contains(refusal(folder.write("k.safetensors", "1234567") + ":k"), "truncated"));
  CHECK(contains(refusal(folder.write("k.safetensors", safetensors("[1]", 0)) + ":k"), "not a JSON object"));
  CHECK(contains(refusal(folder.write("k.safetensors", safetensors("", 0)) + ":k"), "not a JSON object"));
  CHECK(contains(refusal(folder.write("k.safetensors", std::string(8, '\xff')) + ":k"), "claims"));
  CHECK(contains(refusal(folder.write("k.safetensors", std::string("\x40\0\0\0\0\0\0\0{}", 10)) + ":k"),
                 "64 are needed"));
}

TEST_CASE("mapped files: what cannot be mapped is named", "[files]") {
  const Folder folder;
  CHECK(contains(refusal((folder / "none.npy").string()), "No such file"));
  CHECK(contains(refusal(folder.write("empty.npy", "")), "empty"));
  CHECK(contains(refusal((folder / ".").string()), "directory"));
  const fs::path fifo = folder / "fifo.npy";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(contains(refusal(fifo.string()), "regular"));

  CHECK(detail::map_file(folder / "empty.npy").size == 0);
  folder.write("abc", "abc");
  auto file = detail::map_file(folder / "abc");
  const auto copy = file.data;
  file = {};
  CHECK(std::memcmp(copy.get(), "abc", 3) == 0);
}

TEST_CASE("atomic files: all or nothing", "[files]") {
  const Folder folder;
  const std::string text = "new";
  const auto bytes = std::as_bytes(std::span(text));
  folder.write("state", "old");
  detail::write_file_atomically(folder / "state", bytes);
  CHECK(read(folder / "state") == "new");
  CHECK(folder.size() == 1);

  CHECK_THROWS_WITH(detail::write_file_atomically(folder / "none" / "state", bytes),
                    Catch::Contains("No such file"));
  fs::create_directory(folder / "taken");
  CHECK_THROWS_AS(detail::write_file_atomically(folder / "taken", bytes), BackendError);
  CHECK_THROWS_AS(detail::write_file_atomically("/dev/null", bytes), BackendError);
  CHECK(fs::is_character_file("/dev/null"));
  CHECK(folder.size() == 2);
}

TEST_CASE("atomic files: links stay, what they lead to is written", "[files]") {
  const Folder folder;
  const std::string text = "new";
  const auto bytes = std::as_bytes(std::span(text));
  fs::create_directory(folder / "there");
  folder.write("there/state", "old");
  fs::create_symlink("there/state", folder / "link");
  fs::create_symlink(folder / "link", folder / "link-to-link");
  detail::write_file_atomically(folder / "link-to-link", bytes);
  CHECK(fs::is_symlink(folder / "link-to-link"));
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read(folder / "there/state") == "new");

  // To a file that is yet to be made, by way of another link.
  fs::create_symlink("there/later", folder / "dangling");
  fs::create_symlink("dangling", folder / "to-dangling");
  detail::write_file_atomically(folder / "to-dangling", bytes);
  CHECK(fs::is_symlink(folder / "to-dangling"));
  CHECK(fs::is_symlink(folder / "dangling"));
  CHECK(read(folder / "there/later") == "new");

  // What leads nowhere, or to what is no file, is refused and stays.
  fs::create_symlink("round", folder / "round");
  fs::create_symlink("none/state", folder / "no-folder");
  fs::create_symlink("/dev/null", folder / "device");
  fs::create_symlink("there", folder / "folder");
  for (const std::string name : {"round", "no-folder", "device", "folder"}) {
    CAPTURE(name);
    CHECK_THROWS_WITH(detail::write_file_atomically(folder / name, bytes),
                      Catch::StartsWith((folder / name).string() + ": "));
    CHECK(fs::is_symlink(folder / name));
  }
  CHECK(fs::is_character_file("/dev/null"));
  CHECK(folder.size() == 9);  // no temporary file
}

TEST_CASE("atomic files: the mode of an older file stays, a new one has the umask's", "[files]") {
  const Folder folder;
  const std::string text = "new";
  const auto bytes = std::as_bytes(std::span(text));
  const mode_t before = ::umask(027);
  for (const mode_t older : {0600, 0640, 0400, 0666}) {
    folder.write("state", "old");
    REQUIRE(::chmod((folder / "state").c_str(), older) == 0);
    fs::create_symlink("state", folder / "link");
    detail::write_file_atomically(folder / "link", bytes);
    CHECK(read(folder / "state") == "new");
    CHECK(mode(folder / "state") == older);
    fs::remove(folder / "link");
    fs::remove(folder / "state");
  }
  detail::write_file_atomically(folder / "state", bytes);
  CHECK(mode(folder / "state") == 0640);
  ::umask(before);

  if (::geteuid() != 0) return;  // the rest is about files of others
  REQUIRE(::chown((folder / "state").c_str(), 65534, 65533) == 0);
  detail::write_file_atomically(folder / "state", bytes);
  struct stat status;
  REQUIRE(::stat((folder / "state").c_str(), &status) == 0);
  CHECK(status.st_uid == 65534);
  CHECK(status.st_gid == 65533);
}

TEST_CASE("atomic files: names as long as the system takes", "[files]") {
  const Folder folder;
  const std::string text = "new";
  const auto bytes = std::as_bytes(std::span(text));
  std::string letters;
  while (letters.size() < 254) letters += "\xc3\xa4";  // of two bytes each, for a cut in between
  for (const std::string& name : {std::string(255, 'x'), std::string(240, 'x'), letters, "y" + letters}) {
    detail::write_file_atomically(folder / name, bytes);
    CHECK(read(folder / name) == "new");
  }
  CHECK(folder.size() == 4);
  CHECK_THROWS_WITH(detail::write_file_atomically(folder / std::string(256, 'x'), bytes),
                    Catch::Contains("too long"));
  CHECK(folder.size() == 4);
}
