package dev.understudy.chassis.telemetry;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Traces of one service, sent to an OpenTelemetry collector.
 *
 * <p><b>Whether.</b> A caller that sends {@code traceparent} has decided for its trace; without one
 * a share is drawn. Traced calls per second are bounded whoever decided, because callers must not
 * be able to make the service work. A call that is not traced costs a look at its header and a
 * draw.
 *
 * <p><b>How.</b> Not with the SDK's tracer, whose spans are objects that live as long as what they
 * tell of, but from timestamps, when a call is over ({@link LiveTrace}). Spans wait in a ring of
 * fixed size, and one thread sends them every quarter of a second, at most {@value #BATCH} at a
 * time. A collector that is slow, dead or refuses costs spans, which are counted, and nothing else.
 *
 * <p>Any thread.
 */
public final class Tracing implements AutoCloseable {
  private static final Logger log = Logger.getLogger(Tracing.class.getName());
  private static final int BATCH = 512;
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
  private static final Duration CONNECT = Duration.ofSeconds(2);
  private static final Duration SEND = Duration.ofSeconds(5);
  private static final Duration FLUSH = Duration.ofSeconds(3);
  private static final RandomGenerator RANDOM = () -> ThreadLocalRandom.current().nextLong();

  private final Resource resource;
  private final double sample;
  private final int mostPerSecond;
  private final SpanExporter exporter;
  private final BoundedRing<SpanData> ring;
  private final Thread sender;
  private final AtomicLong second = new AtomicLong(Long.MIN_VALUE);
  private final AtomicLong begun = new AtomicLong();
  private final LongAdder capped = new LongAdder();
  private final LongAdder sent = new LongAdder();
  private final LongAdder failed = new LongAdder();
  private volatile boolean closing;
  private volatile long giveUpNanos;
  private boolean wasFailing;

  private Tracing(String service, String instance, TracingSettings settings, SpanExporter to) {
    this.resource =
        Resource.getDefault().toBuilder()
            .put(AttributeKey.stringKey("service.name"), service)
            .put(AttributeKey.stringKey("service.instance.id"), instance)
            .build();
    this.sample = settings.sample();
    this.mostPerSecond = settings.mostPerSecond();
    this.exporter = to;
    this.ring = new BoundedRing<>(settings.queue());
    this.sender = Thread.ofPlatform().daemon().name("tracing").unstarted(this::send);
  }

  /**
   * Starts to send spans.
   *
   * @param service such as {@code understudy-router}
   * @param instance which of them
   */
  public static Tracing start(String service, String instance, TracingSettings settings) {
    return start(
        service,
        instance,
        settings,
        OtlpHttpSpanExporter.builder()
            .setEndpoint(settings.url())
            .setConnectTimeout(CONNECT)
            .setTimeout(SEND)
            // What could not be sent is lost: the next batch matters more.
            .setRetryPolicy(null)
            .build());
  }

  /** The same with another exporter, which is closed with this. */
  static Tracing start(
      String service, String instance, TracingSettings settings, SpanExporter exporter) {
    Tracing tracing = new Tracing(service, instance, settings, exporter);
    tracing.sender.start();
    return tracing;
  }

  /**
   * Begins the trace of a call, or of this service's part of it.
   *
   * @param traceparent what the caller sent
   * @param nowNanos when the call came, on the monotonic clock by which its stages are told
   * @return null when the call is not traced
   */
  public @Nullable LiveTrace begin(@Nullable String traceparent, long nowNanos) {
    TraceContext parent = null;
    if (traceparent != null && TraceContext.isValid(traceparent)) {
      if (!TraceContext.sampled(traceparent)) {
        return null;
      }
      parent = TraceContext.parse(traceparent);
    } else if (ThreadLocalRandom.current().nextDouble() >= sample) {
      return null;
    }
    if (!hasRoom(nowNanos)) {
      capped.increment();
      return null;
    }
    return new LiveTrace(this, parent, nowNanos, epochNanos());
  }

  private boolean hasRoom(long nowNanos) {
    long now = Math.floorDiv(nowNanos, 1_000_000_000L);
    long counted = second.get();
    if (counted != now && second.compareAndSet(counted, now)) {
      begun.set(0);
    }
    return begun.incrementAndGet() <= mostPerSecond;
  }

  private static long epochNanos() {
    Instant now = Instant.now();
    return now.getEpochSecond() * 1_000_000_000L + now.getNano();
  }

  Resource resource() {
    return resource;
  }

  RandomGenerator random() {
    return RANDOM;
  }

  void offer(SpanData span) {
    ring.offer(span);
  }

  /** Spans that found no room. */
  public long dropped() {
    return ring.dropped();
  }

  /** Calls that were not traced because of the bound per second. */
  public long capped() {
    return capped.sum();
  }

  /** Spans that the collector took. */
  public long sent() {
    return sent.sum();
  }

  /** Spans that the collector did not take. */
  public long failed() {
    return failed.sum();
  }

  /** Spans that wait. */
  public int waiting() {
    return ring.size();
  }

  private void send() {
    while (true) {
      boolean last = closing;
      List<SpanData> batch = new ArrayList<>();
      SpanData span;
      while (batch.size() < BATCH && (span = ring.poll()) != null) {
        batch.add(span);
      }
      if (!batch.isEmpty()) {
        send(batch);
        if (closing && System.nanoTime() - giveUpNanos > 0) {
          return;
        }
      } else if (last) {
        return;
      } else {
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    }
  }

  private void send(List<SpanData> batch) {
    boolean ok;
    try {
      ok = exporter.export(batch).join(SEND.toMillis() + 500, TimeUnit.MILLISECONDS).isSuccess();
    } catch (RuntimeException e) {
      log.log(Level.FINE, "Spans could not be sent", e);
      ok = false;
    }
    (ok ? sent : failed).add(batch.size());
    if (ok == wasFailing) {
      wasFailing = !ok;
      log.info(ok ? "The collector of traces takes spans" : "The collector of traces takes none");
    }
  }

  /** Sends what waits, for up to three seconds, and stops. */
  @Override
  public void close() {
    giveUpNanos = System.nanoTime() + FLUSH.toNanos();
    closing = true;
    LockSupport.unpark(sender);
    try {
      sender.join(FLUSH);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    exporter.close();
  }
}
