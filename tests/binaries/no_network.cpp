// For LD_PRELOAD: a program that asks for a socket of the network, or for the address of a host, ends with
// status 97.
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>

namespace {

[[noreturn]] void refuse(const char* what) {
  std::fprintf(stderr, "no network: %s was called\n", what);
  _exit(97);
}

}  // namespace

extern "C" {

int socket(int, int, int) noexcept { refuse("socket"); }
int connect(int, const sockaddr*, socklen_t) { refuse("connect"); }
int getaddrinfo(const char*, const char*, const addrinfo*, addrinfo**) { refuse("getaddrinfo"); }
hostent* gethostbyname(const char*) { refuse("gethostbyname"); }

}  // extern "C"
