package dev.understudy.evidence.fold;

import com.google.protobuf.CodedOutputStream;
import dev.understudy.proto.v1.EvaluationSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Names an evaluation spec by its content. */
public final class SpecDigest {
  private SpecDigest() {}

  /** SHA-256, in lower-case hexadecimal, of the spec's deterministic serialization. */
  public static String of(EvaluationSpec spec) {
    byte[] bytes = new byte[spec.getSerializedSize()];
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    out.useDeterministicSerialization();
    try {
      spec.writeTo(out);
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
