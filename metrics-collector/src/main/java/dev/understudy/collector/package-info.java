/** Remembers predictions and outcomes, merges latency, and shows what happens. */
@org.jspecify.annotations.NullMarked
package dev.understudy.collector;
