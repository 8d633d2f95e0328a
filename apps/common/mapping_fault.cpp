#include "apps/common/mapping_fault.h"

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fstream>

#include <unistd.h>

namespace ditto {
namespace {

std::atomic<std::uintptr_t> faulted_address = 0;
std::atomic<int> signal_to_send = 0;

void on_bus_error(int number, siginfo_t* info, void*) {
  if (info->si_code != BUS_ADRERR) {
    // No file: returning with the default action in place repeats the fault and ends the process.
    ::signal(number, SIG_DFL);
    return;
  }
  faulted_address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  ::kill(::getpid(), signal_to_send);
  for (;;) ::pause();
}

}  // namespace

void turn_mapping_faults_into(int signal) {
  signal_to_send = signal;
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

std::string faulted_file() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long long begin = 0, end = 0;
    if (std::sscanf(line.c_str(), "%llx-%llx", &begin, &end) != 2) continue;
    const std::size_t path = line.find('/');
    if (faulted_address >= begin && faulted_address < end && path != line.npos) return line.substr(path);
  }
  return "a mapped file";
}

}  // namespace ditto
