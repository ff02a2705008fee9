package dev.understudy.router.accesslog;

import dev.understudy.chassis.telemetry.BoundedRing;
import dev.understudy.router.hash.Sampler;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One line of JSON for each call in the sample. Calls leave entries in a ring of fixed size; one
 * thread makes lines of them. A full ring and a disk that fails cost lines, which are counted.
 * Which calls are in the sample follows from their prediction ids, so that it is the same after a
 * rescue and in other routers. Any thread.
 */
public final class AccessLog implements AutoCloseable {
  private static final Logger log = Logger.getLogger(AccessLog.class.getName());
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
  private static final Duration LAST = Duration.ofSeconds(2);

  private final Sampler sampler = new Sampler("access log");
  private final int sampleBp;
  private final double sample;
  private final boolean everyError;
  private final BoundedRing<Entry> ring;
  private final Line line;
  private final @Nullable RotatingFile file;
  private final PrintStream stdout;
  private final LongAdder written = new LongAdder();
  private final LongAdder failed = new LongAdder();
  private final Thread writer;
  private volatile boolean closing;
  private boolean wasFailing;

  private AccessLog(AccessLogSettings settings, PrintStream stdout) {
    this.sample = settings.sample();
    this.sampleBp = (int) Math.round(settings.sample() * 10_000);
    this.everyError = settings.errors() == AccessLogSettings.Errors.ALL;
    this.ring = new BoundedRing<>(settings.queue());
    this.line = new Line(settings.principal(), settings.salt());
    this.file =
        settings.file() == null
            ? null
            : new RotatingFile(settings.file(), settings.rotateBytes(), settings.keep());
    this.stdout = stdout;
    this.writer = Thread.ofPlatform().daemon().name("access-log").unstarted(this::write);
  }

  /** Starts to write. */
  public static AccessLog start(AccessLogSettings settings) {
    return start(settings, System.out);
  }

  /** The same with another standard output. */
  static AccessLog start(AccessLogSettings settings, PrintStream stdout) {
    AccessLog started = new AccessLog(settings, stdout);
    started.writer.start();
    return started;
  }

  /**
   * Whether a call leaves a line, which is to be asked before an entry is made.
   *
   * @param predictionId empty when the call has none
   * @param error whether it was refused or failed
   */
  public boolean wants(String predictionId, boolean error) {
    if (error && everyError) {
      return true;
    }
    return predictionId.isEmpty()
        ? ThreadLocalRandom.current().nextDouble() < sample
        : sampler.picks(predictionId, sampleBp);
  }

  /** Leaves a line, or counts it as dropped. */
  public void offer(Entry entry) {
    ring.offer(entry);
  }

  /** Lines that found no room in the ring. */
  public long dropped() {
    return ring.dropped();
  }

  /** Lines that could not be written. */
  public long failed() {
    return failed.sum();
  }

  /** Lines written. */
  public long written() {
    return written.sum();
  }

  private void write() {
    while (true) {
      boolean last = closing;
      Entry entry = ring.poll();
      if (entry != null) {
        write(entry);
      } else if (last) {
        return;
      } else {
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    }
  }

  private void write(Entry entry) {
    boolean ok = true;
    try {
      byte[] bytes = line.of(entry);
      RotatingFile to = file;
      if (to != null) {
        to.write(bytes);
      } else {
        stdout.write(bytes, 0, bytes.length);
        stdout.flush();
        ok = !stdout.checkError();
      }
    } catch (IOException | RuntimeException e) {
      ok = false;
      if (!wasFailing) {
        log.log(Level.WARNING, "The access log cannot be written: " + e.getMessage());
      }
    }
    (ok ? written : failed).increment();
    wasFailing = !ok;
  }

  /** Writes what waits, for up to two seconds, and stops. */
  @Override
  public void close() {
    closing = true;
    LockSupport.unpark(writer);
    try {
      if (writer.join(LAST) && file != null) {
        file.close();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      log.log(Level.WARNING, "The access log could not be closed: " + e.getMessage());
    }
  }
}
