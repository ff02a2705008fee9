package dev.understudy.rollout.audit;

import dev.understudy.proto.v1.AuditRecord;
import dev.understudy.proto.v1.VerifyAuditResponse;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * The chain that makes the audit log tamper-evident: each record's hash is the SHA-256 over the
 * hash before it and the record, so that whoever changes, inserts or removes one must change all
 * that follow, and the head.
 *
 * <p>A record's canonical form is its sequence and time as 64-bit big-endian integers, then actor,
 * action, model, rollout id and detail, each as a 32-bit length and that many bytes of UTF-8.
 */
public final class AuditChain {
  /** What stands before the first record. */
  public static final String GENESIS = "0".repeat(64);

  private long records;
  private String head = GENESIS;
  private long firstBad;
  private String problem = "";

  /** An empty chain, to be verified record by record. */
  public AuditChain() {}

  /** The record with its hash and the hash before it. */
  public static AuditRecord seal(AuditRecord record, String previousHash) {
    return record.toBuilder()
        .setPreviousHash(previousHash)
        .setHash(hash(record, previousHash))
        .build();
  }

  /** Checks the next record of the log. */
  public void verify(AuditRecord record) {
    records++;
    if (firstBad != 0) {
      return;
    }
    if (record.getSequence() != records) {
      bad(records, "record " + records + " is missing; " + record.getSequence() + " follows");
    } else if (!record.getPreviousHash().equals(head)) {
      bad(records, "the record before it was changed, or this one's link was");
    } else if (!record.getHash().equals(hash(record, head))) {
      bad(records, "its content does not match its hash");
    }
    head = record.getHash();
  }

  /**
   * The result, once every record has been checked.
   *
   * @param expectedRecords how many records were ever written
   * @param expectedHead the hash of the last of them
   */
  public VerifyAuditResponse result(long expectedRecords, String expectedHead) {
    if (firstBad == 0 && records != expectedRecords) {
      bad(
          Math.min(records, expectedRecords) + 1,
          records + " records (expected: " + expectedRecords + ")");
    } else if (firstBad == 0 && !head.equals(expectedHead)) {
      bad(records, "it is not the record that was written last");
    }
    return VerifyAuditResponse.newBuilder()
        .setIntact(firstBad == 0)
        .setRecords(records)
        .setFirstBadSequence(firstBad)
        .setProblem(problem)
        .setHeadHash(head)
        .build();
  }

  private void bad(long sequence, String why) {
    firstBad = sequence;
    problem = "record " + sequence + ": " + why;
  }

  private static String hash(AuditRecord record, String previousHash) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(previousHash.getBytes(StandardCharsets.US_ASCII));
      return HexFormat.of().formatHex(digest.digest(canonical(record)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  private static byte[] canonical(AuditRecord record) {
    var bytes = new ByteArrayOutputStream();
    try (var out = new DataOutputStream(bytes)) {
      out.writeLong(record.getSequence());
      out.writeLong(record.getUnixMs());
      text(out, record.getActor());
      text(out, record.getAction());
      text(out, record.getModel());
      text(out, record.getRolloutId());
      text(out, record.getDetail());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private static void text(DataOutputStream out, String text) throws IOException {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    out.writeInt(utf8.length);
    out.write(utf8);
  }
}
