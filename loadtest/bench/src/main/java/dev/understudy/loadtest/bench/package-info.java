/** Benchmarks: JMH and side by side with peers. */
@org.jspecify.annotations.NullMarked
package dev.understudy.loadtest.bench;
