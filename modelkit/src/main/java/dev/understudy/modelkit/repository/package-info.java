/** Writes model repositories in Triton's layout. */
@org.jspecify.annotations.NullMarked
package dev.understudy.modelkit.repository;
