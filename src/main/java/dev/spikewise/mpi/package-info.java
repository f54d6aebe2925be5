/**
 * MPI (Message Passing Interface) through the library that is installed on the machine: Open MPI or
 * MPICH, called with java.lang.foreign. Nothing of it is loaded in a process that no MPI launcher
 * started.
 */
@NullMarked
package dev.spikewise.mpi;

import org.jspecify.annotations.NullMarked;
