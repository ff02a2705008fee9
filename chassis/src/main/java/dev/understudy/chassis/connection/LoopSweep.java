package dev.understudy.chassis.connection;

import io.netty.channel.EventLoop;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Looks at all connections of one event loop by the clock, with one timer for all of them and none
 * when there are none. On that loop only.
 */
final class LoopSweep implements Runnable {
  private final EventLoop loop;
  private final long tickNanos;
  private final List<ConnectionGuard> guards = new ArrayList<>();
  private @Nullable ScheduledFuture<?> timer;

  LoopSweep(EventLoop loop, long tickNanos) {
    this.loop = loop;
    this.tickNanos = tickNanos;
  }

  void add(ConnectionGuard guard) {
    guard.place = guards.size();
    guards.add(guard);
    if (timer == null) {
      timer = loop.scheduleWithFixedDelay(this, tickNanos, tickNanos, TimeUnit.NANOSECONDS);
    }
  }

  void remove(ConnectionGuard guard) {
    int place = guard.place;
    if (place < 0) {
      return;
    }
    guard.place = -1;
    ConnectionGuard last = guards.removeLast();
    if (last != guard) {
      last.place = place;
      guards.set(place, last);
    }
    ScheduledFuture<?> running = timer;
    if (guards.isEmpty() && running != null) {
      running.cancel(false);
      timer = null;
    }
  }

  @Override
  public void run() {
    long now = System.nanoTime();
    // From behind: who leaves while being looked at is replaced by one that was looked at.
    for (int i = guards.size() - 1; i >= 0; i--) {
      if (i < guards.size()) {
        guards.get(i).tick(now);
      }
    }
  }
}
