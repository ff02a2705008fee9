package dev.understudy.modelserver.execution;

import dev.understudy.proto.tensor.BytesTensor;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * BYTES elements as Java strings and back. ONNX Runtime's Java interface takes strings in the JVM's
 * own encoding, which differs from UTF-8 for NUL and for characters beyond the basic plane; those
 * are refused rather than changed.
 */
final class OrtStrings {
  private OrtStrings() {}

  static void decode(ByteBuffer raw, String input, List<String> target) throws InferenceException {
    for (byte[] element : BytesTensor.decode(raw)) {
      String text;
      try {
        text =
            StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .decode(ByteBuffer.wrap(element))
                .toString();
      } catch (CharacterCodingException e) {
        throw refused(input, target.size(), "is not UTF-8");
      }
      if (text.indexOf('\0') >= 0) {
        throw refused(input, target.size(), "contains a NUL character");
      }
      if (text.chars().anyMatch(c -> Character.isSurrogate((char) c))) {
        throw refused(input, target.size(), "contains a character beyond U+FFFF");
      }
      target.add(text);
    }
  }

  private static InferenceException refused(String input, int element, String what) {
    return InferenceException.badInput(
        "string element "
            + element
            + " of the batch's input '"
            + input
            + "' "
            + what
            + "; ONNX Runtime takes text in UTF-8 of the basic plane only");
  }

  /** The elements of ONNX Runtime's value: a string, or arrays of strings in any depth. */
  static List<byte[]> flatten(Object value) {
    List<byte[]> elements = new ArrayList<>();
    flatten(value, elements);
    return elements;
  }

  private static void flatten(Object value, List<byte[]> elements) {
    switch (value) {
      case String text -> elements.add(text.getBytes(StandardCharsets.UTF_8));
      case Object[] array -> Arrays.stream(array).forEach(item -> flatten(item, elements));
      default ->
          throw new IllegalStateException(
              "value: " + value.getClass() + " (expected: strings or arrays of them)");
    }
  }
}
