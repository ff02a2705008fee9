/** Shows on a server with known stalls what a closed loop leaves out. */
@org.jspecify.annotations.NullMarked
package dev.understudy.loadtest.omission;
