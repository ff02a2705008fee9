package dev.understudy.rollout.plan;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.MessageLite;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.proto.v1.WatchSpec;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** What follows from a plan once it is fixed. */
public final class Plans {
  /** {@code upstream.tryTimeout} of a router that is not configured otherwise. */
  static final long ROUTER_TRY_TIMEOUT_MILLIS = 5_000;

  /** No router lets an attempt last longer. */
  private static final long LONGEST_TRY_MILLIS = 3_600_000;

  private Plans() {}

  /** The plan's digest: SHA-256 over its deterministic serialization, in hex. */
  public static String digest(RolloutPlan plan) {
    return HexFormat.of().formatHex(sha256().digest(canonical(plan)));
  }

  /**
   * What the judge is asked to judge. All of it is fixed before the first evidence arrives.
   *
   * @param attempt 1 for the first; the judge tightens the promotion limit from the second on
   * @param modelTryTimeoutMillis the longest attempt when the plan does not say; 0: the router's
   *     default
   * @param contract the default instance if there is none
   */
  public static EvaluationSpec evaluation(
      RolloutPlan plan,
      String rolloutId,
      int attempt,
      String championVersion,
      String championDigest,
      String challengerDigest,
      DataContract contract,
      long modelTryTimeoutMillis,
      long startedMillis) {
    EvaluationSpec.Builder spec =
        EvaluationSpec.newBuilder()
            .setRolloutId(rolloutId)
            .setModel(plan.getModel())
            .setAttempt(attempt)
            .setIntent(plan.getIntent())
            .setUnit(plan.getUnit())
            .setChampionVersion(championVersion)
            .setChampionDigest(championDigest)
            .setChallengerVersion(plan.getChallengerVersion())
            .setChallengerDigest(challengerDigest)
            .setAlpha(plan.getAlpha())
            .setBeta(plan.getBeta())
            .setAlphaSplit(plan.getAlphaSplit())
            .addAllMetrics(plan.getMetricsList())
            .setLiveControl(plan.getLiveControl())
            .setMirroredControl(plan.getMirroredControl())
            .setStartedUnixMs(startedMillis)
            .setSeed(seed(rolloutId))
            .setGuardConsecutiveFailures(plan.getGuardConsecutiveFailures())
            .setGuardUnavailableSeconds(plan.getGuardUnavailableSeconds())
            .setDrill(plan.hasDrill())
            .setLongestAttemptMs(longestAttemptMillis(plan, modelTryTimeoutMillis));
    if (!contract.equals(DataContract.getDefaultInstance())) {
      spec.setContract(contract);
    }
    return spec.build();
  }

  private static long longestAttemptMillis(RolloutPlan plan, long modelTryTimeoutMillis) {
    if (plan.getTryTimeoutMs() > 0) {
      return Math.min(plan.getTryTimeoutMs(), LONGEST_TRY_MILLIS);
    }
    return modelTryTimeoutMillis > 0
        ? Math.min(modelTryTimeoutMillis, LONGEST_TRY_MILLIS)
        : ROUTER_TRY_TIMEOUT_MILLIS;
  }

  /**
   * The watch over a promotion, compared with the version before it. The same rollout in the same
   * watch gives the same, so that asking again changes nothing.
   *
   * @param startedMillis wall clock of the promotion
   */
  public static WatchSpec watch(RolloutPlan plan, long startedMillis) {
    return WatchSpec.newBuilder()
        .setHorizonSeconds((int) Math.min(Integer.MAX_VALUE, (plan.getWatchMs() + 999) / 1000))
        .setAlpha(plan.getAlpha())
        .setKeptBp(plan.getWatchKeptBp())
        .setStartedUnixMs(startedMillis)
        .build();
  }

  /**
   * The salt of a rollout's split, and of the hashes that stand for keys and callers: constant as
   * long as it lasts. HMAC-SHA-256 (RFC 2104), so that nobody who reads the rollout's id in a
   * report can try out names.
   *
   * @param secret of the controller
   */
  public static String salt(String secret, String rolloutId) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
      byte[] salt = mac.doFinal(rolloutId.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(salt, 0, 16);
    } catch (NoSuchAlgorithmException | InvalidKeyException e) {
      throw new IllegalStateException("every Java platform has HmacSHA256", e);
    }
  }

  /** The first eight bytes of the SHA-256 of the rollout's id. */
  static long seed(String rolloutId) {
    return ByteBuffer.wrap(sha256().digest(rolloutId.getBytes(StandardCharsets.UTF_8))).getLong();
  }

  private static byte[] canonical(MessageLite message) {
    var bytes = new ByteArrayOutputStream(message.getSerializedSize());
    try {
      CodedOutputStream out = CodedOutputStream.newInstance(bytes);
      out.useDeterministicSerialization();
      message.writeTo(out);
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
