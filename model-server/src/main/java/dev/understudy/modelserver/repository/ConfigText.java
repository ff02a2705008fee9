package dev.understudy.modelserver.repository;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.TextFormat;
import com.google.protobuf.util.JsonFormat;
import dev.understudy.modelserver.execution.ModelLoadException;
import dev.understudy.proto.inference.ModelConfig;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model's configuration as its owner wrote it, before it is completed from the model file.
 *
 * @param config the fields that were written
 * @param setsMaxBatchSize whether {@code max_batch_size} was written, be it as 0
 * @param ignored fields of Triton's that were written, have no bearing here, and are left out
 */
record ConfigText(ModelConfig config, boolean setsMaxBatchSize, Set<String> ignored) {
  /** The largest {@code config.pbtxt} that is read, in characters. */
  static final int MAX_LENGTH = 1 << 20;

  static final ConfigText NONE = new ConfigText(ModelConfig.getDefaultInstance(), false, Set.of());

  /** Fields that tune Triton or watch it; without them a model gives the same answers. */
  private static final Set<String> HARMLESS = Set.of("optimization", "model_metrics");

  private static final Pattern UNKNOWN_FIELD = Pattern.compile("inference\\.([\\w.]+)");
  private static final Pattern MAX_BATCH_SIZE = Pattern.compile("\\bmax_batch_size\\s*:");
  private static final Pattern STRING_OR_COMMENT =
      Pattern.compile("\"(?:[^\"\\\\\\n]|\\\\.)*+\"|'(?:[^'\\\\\\n]|\\\\.)*+'|#.*");

  /** Reads the text of a {@code config.pbtxt}. */
  static ConfigText parse(String text) throws ModelLoadException {
    if (text.length() > MAX_LENGTH) {
      throw new ModelLoadException(
          "config.pbtxt has "
              + text.length()
              + " characters (expected: at most "
              + MAX_LENGTH
              + ")");
    }
    boolean setsMaxBatchSize =
        MAX_BATCH_SIZE.matcher(STRING_OR_COMMENT.matcher(text).replaceAll("")).find();
    ModelConfig.Builder config = ModelConfig.newBuilder();
    try {
      TextFormat.Parser.newBuilder().build().merge(text, config);
      return new ConfigText(config.build(), setsMaxBatchSize, Set.of());
    } catch (TextFormat.ParseException e) {
      Set<String> unknown = unknownFields(e);
      if (unknown.isEmpty() || !HARMLESS.containsAll(unknown)) {
        throw new ModelLoadException("config.pbtxt: " + explain(e, unknown), e);
      }
      return new ConfigText(withoutUnknown(text), setsMaxBatchSize, unknown);
    }
  }

  private static ModelConfig withoutUnknown(String text) throws ModelLoadException {
    ModelConfig.Builder config = ModelConfig.newBuilder();
    try {
      TextFormat.Parser.newBuilder().setAllowUnknownFields(true).build().merge(text, config);
    } catch (TextFormat.ParseException e) {
      throw new ModelLoadException("config.pbtxt: " + e.getMessage(), e);
    }
    return config.build();
  }

  /** The parser reports all unknown fields of a file at once, by their full names. */
  private static Set<String> unknownFields(TextFormat.ParseException e) {
    Set<String> names = new LinkedHashSet<>();
    String message = String.valueOf(e.getMessage());
    if (message.contains("unknown fields")) {
      Matcher matcher = UNKNOWN_FIELD.matcher(message);
      while (matcher.find()) {
        String name = matcher.group(1);
        names.add(name.startsWith("ModelConfig.") ? name.substring(12) : name);
      }
    }
    return names;
  }

  private static String explain(TextFormat.ParseException e, Set<String> unknown) {
    return unknown.isEmpty()
        ? String.valueOf(e.getMessage())
        : "this server does not support "
            + String.join(", ", unknown)
            + " (line "
            + e.getLine()
            + "); remove it, or check the spelling";
  }

  /**
   * This configuration with some fields replaced.
   *
   * @param json a model configuration; each field that it sets takes the place of the whole field
   */
  ConfigText override(String json) throws ModelLoadException {
    ModelConfig.Builder given = ModelConfig.newBuilder();
    try {
      JsonFormat.parser().merge(json, given);
    } catch (InvalidProtocolBufferException e) {
      throw new ModelLoadException(
          "parameter 'config' is not a model configuration in JSON: " + e.getMessage(), e);
    }
    ModelConfig.Builder merged = config.toBuilder();
    for (Map.Entry<FieldDescriptor, Object> field : given.getAllFields().entrySet()) {
      merged.setField(field.getKey(), field.getValue());
    }
    boolean setsBatch =
        setsMaxBatchSize || json.contains("max_batch_size") || json.contains("maxBatchSize");
    return new ConfigText(merged.build(), setsBatch, ignored);
  }
}
