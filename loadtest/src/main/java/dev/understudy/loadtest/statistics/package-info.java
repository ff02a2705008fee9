/** What may be concluded from correlated measurements. */
@org.jspecify.annotations.NullMarked
package dev.understudy.loadtest.statistics;
