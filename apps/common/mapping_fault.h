#pragma once

#include <string>

namespace ditto {

/// A mapped input file that shrinks makes the system raise SIGBUS in whoever reads beyond its new end. From here on
/// such a fault sends `signal` to the process instead of ending it, and the thread that met it waits for the end. To be
/// called once, before other threads are made.
void turn_mapping_faults_into(int signal);

/// The mapped file of the fault that was met; "a mapped file" when the system does not tell.
std::string faulted_file();

}  // namespace ditto
