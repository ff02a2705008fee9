/** Runs load and keeps what was measured, in blocks of time. */
@org.jspecify.annotations.NullMarked
package dev.understudy.loadtest.drive;
