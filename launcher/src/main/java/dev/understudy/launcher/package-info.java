/** The command line, the processes, and the demonstration. */
@org.jspecify.annotations.NullMarked
package dev.understudy.launcher;
