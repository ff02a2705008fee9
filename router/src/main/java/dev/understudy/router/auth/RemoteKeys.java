package dev.understudy.router.auth;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.time.TimeSource;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * An issuer's keys at a URL. They are fetched in the background and at most one at a time; no call
 * ever waits for it. What was fetched last stays in force while the issuer cannot be reached, until
 * it is too old. A key that nobody knows makes the next fetch come early, but not more often than
 * every {@link #PAUSE}, because anybody can name such a key.
 *
 * <p>An answer has {@link #TIMEOUT} until its last byte and at most {@link TokenKeys#MAX_BYTES};
 * redirects are not followed.
 */
final class RemoteKeys implements TokenKeySource {
  static final Duration PAUSE = Duration.ofSeconds(30);
  static final Duration TIMEOUT = Duration.ofSeconds(10);

  private static final Logger log = Logger.getLogger(RemoteKeys.class.getName());

  /**
   * One answer that could be used.
   *
   * @param digest of its bytes
   * @param nanos when it came
   */
  private record Fetched(TokenKeys keys, String digest, long nanos) {}

  private final URI url;
  private final long refreshNanos;
  private final long maxStaleNanos;
  private final TimeSource time;
  private final HttpClient client;
  private final AtomicLong failures = new AtomicLong();
  private volatile @Nullable Fetched fetched;
  private volatile boolean asked = true;
  private volatile boolean failed;

  // Of the one thread that ticks.
  private @Nullable CompletableFuture<?> running;
  private long startedNanos;

  RemoteKeys(URI url, Duration refresh, Duration maxStale, TimeSource time) {
    this.url = url;
    this.refreshNanos = refresh.toNanos();
    this.maxStaleNanos = maxStale.toNanos();
    this.time = time;
    this.startedNanos = time.nanoTime() - PAUSE.toNanos();
    this.client =
        HttpClient.newBuilder()
            .connectTimeout(Duration.ofSeconds(5))
            .followRedirects(HttpClient.Redirect.NEVER)
            .build();
  }

  @Override
  public @Nullable TokenKeys current() {
    Fetched last = fetched;
    return last == null || time.nanoTime() - last.nanos > maxStaleNanos ? null : last.keys;
  }

  @Override
  public void unknownKey() {
    asked = true;
  }

  /** Whether an answer is awaited; for the thread that ticks. */
  boolean isBusy() {
    CompletableFuture<?> current = running;
    return current != null && !current.isDone();
  }

  @Override
  public void tick() {
    long sinceNanos = time.nanoTime() - startedNanos;
    if (running != null && isBusy()) {
      if (sinceNanos > TIMEOUT.toNanos()) {
        running.cancel(true);
      }
      return;
    }
    boolean early = (asked || failed) && sinceNanos >= PAUSE.toNanos();
    if (early || sinceNanos >= refreshNanos) {
      asked = false;
      startedNanos = time.nanoTime();
      running = fetch();
    }
  }

  private CompletableFuture<?> fetch() {
    HttpRequest request =
        HttpRequest.newBuilder(url)
            .timeout(TIMEOUT)
            .header("accept", "application/json, application/jwk-set+json")
            .build();
    CompletableFuture<HttpResponse<byte[]>> answer =
        client.sendAsync(
            request, BodyHandlers.limiting(BodyHandlers.ofByteArray(), TokenKeys.MAX_BYTES));
    var _ = answer.whenComplete(this::arrived);
    return answer;
  }

  private void arrived(@Nullable HttpResponse<byte[]> answer, @Nullable Throwable thrown) {
    try {
      if (answer == null) {
        throw new IOException(thrown == null ? "no answer" : String.valueOf(thrown), thrown);
      }
      if (answer.statusCode() != 200) {
        throw new IOException("status " + answer.statusCode() + " (expected: 200)");
      }
      take(answer.body());
      failed = false;
    } catch (IOException | ConfigException e) {
      failed = true;
      failures.incrementAndGet();
      log.log(
          Level.WARNING,
          "Cannot fetch the token keys of {0}: {1}",
          new Object[] {url, e.getMessage()});
    }
  }

  /** The same bytes keep the same keys, and with them what was verified under them. */
  private void take(byte[] body) {
    String digest = digest(body);
    Fetched last = fetched;
    TokenKeys keys =
        last != null && last.digest.equals(digest)
            ? last.keys
            : TokenKeys.parse(url.toString(), new String(body, StandardCharsets.UTF_8));
    fetched = new Fetched(keys, digest, time.nanoTime());
  }

  private static String digest(byte[] body) {
    try {
      return java.util.HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(body));
    } catch (NoSuchAlgorithmException everyJdkHasIt) {
      throw new IllegalStateException(everyJdkHasIt);
    }
  }

  @Override
  public long failures() {
    return failures.get();
  }

  @Override
  public void close() {
    client.shutdownNow();
  }
}
