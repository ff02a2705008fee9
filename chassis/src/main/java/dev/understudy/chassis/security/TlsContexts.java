package dev.understudy.chassis.security;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.time.Cancellable;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import io.netty.handler.ssl.SslContext;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.metrics.ObservableLongMeasurement;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The TLS contexts of one process, which follow their files: new connections use what the files
 * hold now, connections that exist live on with what they began with. A new file that cannot be
 * used, or a new certificate that is not valid at the moment, leaves the old one in force.
 *
 * <p>Contexts of equal settings are shared. They are kept until this is closed, so there is one for
 * each distinct set of files. Any thread.
 */
public final class TlsContexts implements AutoCloseable {
  /** How often the files are looked at. */
  public static final Duration PERIOD = Duration.ofSeconds(10);

  private static final Logger log = Logger.getLogger(TlsContexts.class.getName());
  private static final AttributeKey<String> FILE = AttributeKey.stringKey("file");

  private record Use(Tls tls, boolean server) {}

  /**
   * When a certificate runs out.
   *
   * @param file its file
   * @param secondsLeft negative when it has
   */
  public record Expiry(Path file, long secondsLeft) {}

  private final ConcurrentHashMap<Use, Reloading<TlsMaterial>> materials =
      new ConcurrentHashMap<>();
  private final TimeSource time;
  private final Scheduler scheduler;
  private final AtomicReference<@Nullable Cancellable> polling = new AtomicReference<>();

  /** Looks at the files every {@link #PERIOD}, once there are any, until it is closed. */
  public TlsContexts(Scheduler scheduler, TimeSource time) {
    this.scheduler = scheduler;
    this.time = time;
  }

  /**
   * The context of a gRPC server.
   *
   * @throws ConfigException if a file is missing or unusable
   */
  public SslContext server(Tls tls) {
    return new ReloadableSslContext(material(new Use(tls, true)));
  }

  /**
   * The context of a gRPC client.
   *
   * @throws ConfigException if a file is missing or unusable
   */
  public SslContext client(Tls tls) {
    return new ReloadableSslContext(material(new Use(tls, false)));
  }

  private Reloading<TlsMaterial> material(Use use) {
    Reloading<TlsMaterial> material = materials.computeIfAbsent(use, this::open);
    if (polling.get() == null) {
      Cancellable started = scheduler.every(PERIOD, "look at the TLS files", this::poll);
      if (!polling.compareAndSet(null, started)) {
        started.cancel();
      }
    }
    return material;
  }

  private Reloading<TlsMaterial> open(Use use) {
    List<Path> files = TlsMaterial.files(use.tls);
    Reloading<TlsMaterial> opened =
        Reloading.open(
            "tls: " + files,
            files,
            contents -> {
              TlsMaterial material = TlsMaterial.load(use.tls, use.server, contents);
              String problem = material.problemAt(Instant.ofEpochMilli(time.wallMillis()));
              if (problem != null && materials.containsKey(use)) {
                throw new ConfigException("tls: " + use.tls.certificateChain() + ": " + problem);
              }
              return material;
            });
    // The first one is used even so: a process that does not start helps nobody find out why.
    String problem = opened.get().problemAt(Instant.ofEpochMilli(time.wallMillis()));
    if (problem != null) {
      log.log(Level.WARNING, "{0}: {1}", new Object[] {use.tls.certificateChain(), problem});
    }
    return opened;
  }

  /** Looks at all files now; reads files, so not on an event loop. */
  public void poll() {
    materials.values().forEach(Reloading::poll);
  }

  /** How often files were taken up anew. */
  public long reloads() {
    return sum(Reloading::reloads);
  }

  /** How many changes of files could not be used. */
  public long reloadFailures() {
    return sum(Reloading::failures);
  }

  private long sum(ToLongFunction<Reloading<TlsMaterial>> count) {
    return materials.values().stream().mapToLong(count).sum();
  }

  /** When each certificate of this process runs out. */
  public List<Expiry> expiries() {
    long now = time.wallMillis();
    return materials.entrySet().stream()
        .flatMap(entry -> {
          Instant expiry = entry.getValue().get().expiry();
          Path file = entry.getKey().tls.certificateChain();
          return expiry == null || file == null
              ? java.util.stream.Stream.<Expiry>empty()
              : java.util.stream.Stream.of(
                  new Expiry(file, Math.floorDiv(expiry.toEpochMilli() - now, 1000)));
        })
        .distinct()
        .toList();
  }

  /** Makes the instruments. */
  public void register(Meter meter) {
    counter(
        meter,
        "understudy.tls.reloads",
        "TLS files taken up anew",
        counter -> counter.record(reloads()));
    counter(
        meter,
        "understudy.tls.reload.failures",
        "Changed TLS files that cannot be used; the old ones are in force",
        counter -> counter.record(reloadFailures()));
    gauge(
        meter,
        "understudy.tls.certificate.expiry.seconds",
        "Until this side's certificate runs out",
        gauge ->
            expiries()
                .forEach(expiry ->
                    gauge.record(expiry.secondsLeft, Attributes.of(FILE, expiry.file.toString()))));
  }

  private static void counter(
      Meter meter, String name, String text, Consumer<ObservableLongMeasurement> values) {
    var _ = meter.counterBuilder(name).setDescription(text).buildWithCallback(values);
  }

  private static void gauge(
      Meter meter, String name, String text, Consumer<ObservableLongMeasurement> values) {
    var _ = meter.gaugeBuilder(name).ofLongs().setDescription(text).buildWithCallback(values);
  }

  /** The same for pages that write Prometheus' text format themselves; empty without TLS. */
  public String prometheusText() {
    if (materials.isEmpty()) {
      return "";
    }
    StringBuilder text =
        new StringBuilder("# TYPE understudy_tls_reloads_total counter\n")
            .append("understudy_tls_reloads_total ")
            .append(reloads())
            .append("\n# TYPE understudy_tls_reload_failures_total counter\n")
            .append("understudy_tls_reload_failures_total ")
            .append(reloadFailures())
            .append("\n# TYPE understudy_tls_certificate_expiry_seconds gauge\n");
    for (Expiry expiry : expiries()) {
      text.append(
          String.format(
              Locale.ROOT,
              "understudy_tls_certificate_expiry_seconds{file=\"%s\"} %d%n",
              escaped(expiry.file),
              expiry.secondsLeft));
    }
    return text.toString();
  }

  private static String escaped(Path file) {
    return file.toString().replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
  }

  @Override
  public void close() {
    Cancellable started = polling.getAndSet(() -> {});
    if (started != null) {
      started.cancel();
    }
  }
}
