package dev.understudy.loadtest.drive;

import dev.understudy.loadtest.wire.Ended;
import dev.understudy.loadtest.wire.Exchange;
import dev.understudy.loadtest.wire.Transport;
import io.grpc.Status;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.function.LongUnaryOperator;

/** A server in time that only moves when the driver waits: every answer comes when it must. */
final class SimulatedServer implements Transport {
  private record OnItsWay(Exchange exchange, long endsNanos, long order) {}

  private final PriorityQueue<OnItsWay> onTheirWay =
      new PriorityQueue<>(
          Comparator.comparingLong(OnItsWay::endsNanos).thenComparingLong(OnItsWay::order));
  private final LongUnaryOperator answeredAt;
  private final Status.Code code;
  private Ended hearer = (exchange, status, detail, nanos) -> {};
  private long now = 1_000_000;
  private long order;

  /** Answers at the time that {@code answeredAt} says for a time of arrival, from 0 on. */
  SimulatedServer(Status.Code code, LongUnaryOperator answeredAt) {
    this.code = code;
    this.answeredAt = answeredAt;
  }

  @Override
  public void start(Exchange exchange) {
    exchange.sentAt(now);
    long ends = answeredAt.applyAsLong(now - 1_000_000) + 1_000_000;
    onTheirWay.add(new OnItsWay(exchange, ends, order++));
  }

  @Override
  public void onEnded(Ended next) {
    hearer = next;
  }

  @Override
  public int outstanding() {
    return onTheirWay.size();
  }

  @Override
  public void turn(long waitNanos) {
    OnItsWay first = onTheirWay.peek();
    if (first == null || first.endsNanos() > now + waitNanos) {
      now += waitNanos;
      return;
    }
    now = Math.max(now, first.endsNanos());
    while (!onTheirWay.isEmpty() && onTheirWay.peek().endsNanos() <= now) {
      OnItsWay ended = onTheirWay.remove();
      hearer.ended(ended.exchange(), code, code == Status.Code.OK ? "" : "as told", now);
    }
  }

  @Override
  public long nanoTime() {
    return now;
  }
}
