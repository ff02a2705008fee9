/** Takes comparisons and evidence blocks, keeps the evidence log, and judges. */
@org.jspecify.annotations.NullMarked
package dev.understudy.comparator;
