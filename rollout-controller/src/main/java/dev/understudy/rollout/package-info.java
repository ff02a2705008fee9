/** Plans a rollout, decides by the evidence, and records who changed what. */
@org.jspecify.annotations.NullMarked
package dev.understudy.rollout;
