/** Trains small classifiers in plain Java and measures how good they are. */
@org.jspecify.annotations.NullMarked
package dev.understudy.modelkit.train;
