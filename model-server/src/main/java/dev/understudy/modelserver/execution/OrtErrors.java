package dev.understudy.modelserver.execution;

import ai.onnxruntime.OrtException;
import java.util.regex.Pattern;

/** ONNX Runtime's messages, without the places in its source and without line breaks. */
final class OrtErrors {
  private static final int MAX_LENGTH = 500;
  private static final Pattern CODE = Pattern.compile("^Error code - \\w+ - message: ");
  private static final Pattern SOURCE_PLACE =
      Pattern.compile("\\S*/\\S+\\.(?:cc|h|cpp|hpp):\\d+\\s+(?:\\S.*?\\)\\s+)?");
  private static final Pattern SPACE = Pattern.compile("\\s+");

  private OrtErrors() {}

  static String text(OrtException e) {
    String message = e.getMessage();
    return clean(message == null ? e.getCode().toString() : message);
  }

  static String clean(String message) {
    String line = SPACE.matcher(CODE.matcher(message).replaceFirst("")).replaceAll(" ");
    String text = SOURCE_PLACE.matcher(line).replaceAll("").strip();
    return text.length() <= MAX_LENGTH ? text : text.substring(0, MAX_LENGTH) + "…";
  }
}
