package dev.understudy.proto.tensor;

/** What an {@code InferParameter} holds. Immutable. */
public sealed interface ParameterValue {
  /** {@code bool_param}. */
  record Bool(boolean value) implements ParameterValue {}

  /** {@code int64_param}. */
  record Int64(long value) implements ParameterValue {}

  /** {@code string_param}. */
  record Text(String value) implements ParameterValue {}

  /** {@code double_param}. */
  record Float64(double value) implements ParameterValue {}

  /** {@code uint64_param}: the 64 bits, to be read as unsigned. */
  record UInt64(long value) implements ParameterValue {}

  /** The key is there, but no choice is set. */
  record Unset() implements ParameterValue {}
}
