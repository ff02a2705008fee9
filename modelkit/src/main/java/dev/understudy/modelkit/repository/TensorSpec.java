package dev.understudy.modelkit.repository;

import dev.understudy.modelkit.onnx.ElementType;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * One tensor in a model configuration.
 *
 * @param dims shape without the batch dimension, where the model has one; -1 for any size
 */
@SuppressWarnings("ArrayRecordComponent") // only ever written out
public record TensorSpec(String name, ElementType type, long... dims) {

  String text() {
    String sizes = Arrays.stream(dims).mapToObj(Long::toString).collect(Collectors.joining(", "));
    return "  { name: \"%s\" data_type: %s dims: [ %s ] }"
        .formatted(name, type.configName(), sizes);
  }
}
