package dev.understudy.router.auth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import com.sun.net.httpserver.HttpServer;
import dev.understudy.chassis.testing.ManualTime;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A real issuer on loopback, and a clock that the test moves. */
@Timeout(60)
class RemoteKeysTest {
  private static final String FIRST = Jwts.jwks(Jwts.ec("e1"));
  private static final String SECOND = Jwts.jwks(Jwts.ec("e2"));
  private static final Duration REFRESH = Duration.ofMinutes(5);
  private static final Duration STALE = Duration.ofHours(1);

  private final ManualTime time = new ManualTime();
  private final AtomicInteger asked = new AtomicInteger();
  private final CountDownLatch release = new CountDownLatch(1);
  private volatile String answer = FIRST;
  private volatile int status = 200;
  private volatile boolean silent;
  private HttpServer server;
  private RemoteKeys keys;

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Thread::startVirtualThread);
    server.createContext(
        "/jwks",
        exchange -> {
          asked.incrementAndGet();
          if (silent) {
            try {
              release.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          }
          byte[] body = answer.getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(status, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
    keys =
        new RemoteKeys(
            URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/jwks"),
            REFRESH,
            STALE,
            time);
  }

  @AfterEach
  void stop() {
    release.countDown();
    keys.close();
    server.stop(0);
  }

  private void until(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + 20_000_000_000L;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("did not come true within 20 s: " + what);
      }
      keys.tick();
      LockSupport.parkNanos(1_000_000);
    }
  }

  private TokenKeys fetched() {
    until("keys are there", () -> keys.current() != null);
    TokenKeys now = keys.current();
    assertNotNull(now);
    return now;
  }

  @Test
  void keysAreFetchedAtOnceAndThenOnceARefresh() {
    assertNull(keys.current());
    TokenKeys first = fetched();
    time.advance(REFRESH.minusSeconds(1));
    keys.tick();
    assertEquals(1, asked.get());
    time.advance(Duration.ofSeconds(1));
    until("it is asked again", () -> asked.get() == 2 && !keys.isBusy());
    assertSame(first, keys.current());
    answer = SECOND;
    time.advance(REFRESH);
    until("the new keys are there", () -> keys.current() != first);
    assertEquals(0, keys.failures());
  }

  @Test
  void anUnknownKeyAsksEarlyButNotOften() {
    TokenKeys first = fetched();
    answer = SECOND;
    for (int i = 0; i < 100; i++) {
      keys.unknownKey();
      keys.tick();
    }
    assertEquals(1, asked.get());
    time.advance(RemoteKeys.PAUSE);
    until("the new keys are there", () -> keys.current() != first);
    assertEquals(2, asked.get());
  }

  @Test
  void theLastGoodKeysStayUntilTheyAreTooOld() {
    TokenKeys first = fetched();
    status = 503;
    time.advance(REFRESH);
    until("a failure", () -> keys.failures() == 1);
    assertSame(first, keys.current());
    status = 200;
    answer = "nonsense";
    time.advance(RemoteKeys.PAUSE);
    until("another failure", () -> keys.failures() == 2);
    assertSame(first, keys.current());
    time.advance(STALE);
    assertNull(keys.current());
    answer = SECOND;
    time.advance(RemoteKeys.PAUSE);
    assertNotSame(first, fetched());
  }

  @Test
  void anEndlessAnswerIsRefused() {
    answer = " ".repeat(TokenKeys.MAX_BYTES) + FIRST;
    until("a failure", () -> keys.failures() == 1);
    assertNull(keys.current());
  }

  @Test
  void aRedirectIsNotFollowed() {
    status = 302;
    until("a failure", () -> keys.failures() == 1);
    assertNull(keys.current());
    assertEquals(1, asked.get());
  }

  @Test
  void aSilentIssuerIsGivenUp() {
    silent = true;
    until("it is asked", () -> asked.get() == 1);
    time.advance(RemoteKeys.TIMEOUT.plusSeconds(1));
    until("it is given up", () -> keys.failures() == 1);
    assertNull(keys.current());
    silent = false;
    time.advance(RemoteKeys.PAUSE);
    fetched();
  }
}
