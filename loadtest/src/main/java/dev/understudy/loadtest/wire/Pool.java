package dev.understudy.loadtest.wire;

import dev.understudy.chassis.config.HostPort;
import io.grpc.Status;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.handler.ssl.SslContext;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The connections to one target and the calls on their way. Calls take turns among the connections
 * that have room; while none has, they wait here, at most until their deadline. A connection that
 * is lost is opened again after a pause that doubles from 0.1 to 2 s; while all are lost, calls end
 * UNAVAILABLE at once with the reason. For the thread that drives the {@link Wire}.
 */
public final class Pool implements Transport {
  private final Owner owner = new ForConnections();

  private static final long FIRST_PAUSE_NANOS = 100_000_000;
  private static final long LONGEST_PAUSE_NANOS = 2_000_000_000;

  /** A place for a connection, and when the next attempt is due if it is empty. */
  private static final class Slot {
    @Nullable Connection connection;
    long retryNanos;
    long pauseNanos = FIRST_PAUSE_NANOS;
  }

  private final Wire wire;
  private final Target target;
  private final RequestHeaders headers;
  private final @Nullable SslContext ssl;
  private final long timeoutNanos;
  private final List<Slot> slots = new ArrayList<>();
  private final List<Connection> dirty = new ArrayList<>();
  private final ArrayDeque<Exchange> waiting = new ArrayDeque<>();
  private Ended ended = (exchange, code, detail, nanos) -> {};

  private @Nullable Exchange oldest;
  private @Nullable Exchange youngest;
  private int outstanding;
  private int turn;
  private int empty;
  private boolean closed;
  private boolean everOpened;
  private String reason = "not connected yet";

  /** Begins to open the connections. */
  public Pool(Wire wire, Target target) {
    this.wire = wire;
    this.target = target;
    this.timeoutNanos = target.timeout().toNanos();
    this.ssl = target.tls() == null ? null : target.tls().clientContext();
    this.headers =
        new RequestHeaders(
            target.address().toString(), target.tls() != null, target.timeout(), target.tokens());
    for (int i = 0; i < target.connections(); i++) {
      Slot slot = new Slot();
      slots.add(slot);
      open(slot);
    }
  }

  @Override
  public void onEnded(Ended hearer) {
    this.ended = hearer;
  }

  @Override
  public int outstanding() {
    return outstanding;
  }

  /** Why there is no connection; the last reason known. */
  public String reason() {
    return reason;
  }

  /**
   * Turns the wire until a connection stands or every first attempt has failed.
   *
   * @return whether one stands
   */
  public boolean awaitOpen(long withinNanos) {
    long start = System.nanoTime();
    while (!everOpened && empty < slots.size() && System.nanoTime() - start < withinNanos) {
      wire.turn(1_000_000);
    }
    return everOpened;
  }

  @Override
  public void start(Exchange exchange) {
    outstanding++;
    exchange.older = youngest;
    exchange.younger = null;
    if (youngest == null) {
      oldest = exchange;
    } else {
      youngest.younger = exchange;
    }
    youngest = exchange;
    Connection connection = waiting.isEmpty() ? roomy() : null;
    if (connection != null) {
      connection.start(exchange, System.nanoTime());
    } else if (empty == slots.size()) {
      end(exchange, Status.Code.UNAVAILABLE, reason, System.nanoTime());
    } else {
      waiting.add(exchange);
    }
  }

  private @Nullable Connection roomy() {
    int size = slots.size();
    for (int i = 0; i < size; i++) {
      turn = turn + 1 < size ? turn + 1 : 0;
      Connection connection = slots.get(turn).connection;
      if (connection != null && connection.hasRoom()) {
        return connection;
      }
    }
    return null;
  }

  @Override
  public void turn(long waitNanos) {
    flush();
    long now = System.nanoTime();
    tick(now);
    flush();
    wire.turn(untilTick(now, waitNanos));
    flush();
  }

  @Override
  public long nanoTime() {
    return System.nanoTime();
  }

  private void flush() {
    // A flush may fail and make another connection dirty.
    for (int i = 0; i < dirty.size(); i++) {
      dirty.get(i).flush();
    }
    dirty.clear();
  }

  /** Ends calls whose time is over, and opens lost connections whose pause is. */
  private void tick(long now) {
    while (oldest != null && now - oldest.dueNanos >= timeoutNanos) {
      Exchange late = oldest;
      if (late.connection != null) {
        late.connection.cancel(late);
      } else {
        waiting.remove(late);
      }
      end(late, Status.Code.DEADLINE_EXCEEDED, "no answer within " + target.timeout(), now);
    }
    if (empty > 0) {
      for (Slot slot : slots) {
        if (slot.connection == null && now - slot.retryNanos >= 0) {
          empty--;
          open(slot);
        }
      }
    }
  }

  /** Nanoseconds until {@link #tick} has something to do, at most {@code longest}. */
  private long untilTick(long now, long longest) {
    long until = longest;
    if (oldest != null) {
      until = Math.min(until, oldest.dueNanos + timeoutNanos - now);
    }
    if (empty > 0) {
      for (Slot slot : slots) {
        if (slot.connection == null) {
          until = Math.min(until, slot.retryNanos - now);
        }
      }
    }
    return Math.max(until, 0);
  }

  /** Ends all calls as CANCELLED and closes the connections. */
  public void close() {
    closed = true;
    long now = System.nanoTime();
    while (oldest != null) {
      Exchange exchange = oldest;
      if (exchange.connection != null) {
        exchange.connection.cancel(exchange);
      }
      end(exchange, Status.Code.CANCELLED, "the test has ended", now);
    }
    waiting.clear();
    flush();
    for (Slot slot : slots) {
      if (slot.connection != null) {
        slot.connection.close("the test has ended");
      }
    }
  }

  /** Calls that waited for room go on. */
  private void roomAgain() {
    while (!waiting.isEmpty()) {
      Connection connection = roomy();
      if (connection == null) {
        return;
      }
      connection.start(waiting.remove(), System.nanoTime());
    }
  }

  private void end(Exchange exchange, Status.Code code, String detail, long nanos) {
    if (exchange.older == null) {
      oldest = exchange.younger;
    } else {
      exchange.older.younger = exchange.younger;
    }
    if (exchange.younger == null) {
      youngest = exchange.older;
    } else {
      exchange.younger.older = exchange.older;
    }
    exchange.older = null;
    exchange.younger = null;
    exchange.connection = null;
    outstanding--;
    ended.ended(exchange, code, detail, nanos);
  }

  private void open(Slot slot) {
    Connection connection = new Connection(owner, headers);
    slot.connection = connection;
    InetSocketAddress address =
        new InetSocketAddress(target.address().host(), target.address().port());
    if (address.isUnresolved()) {
      connection.close("unknown host " + target.address().host());
      return;
    }
    var _ =
        wire.bootstrap()
            .handler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    if (ssl != null) {
                      HostPort peer = target.address();
                      channel
                          .pipeline()
                          .addLast(ssl.newHandler(channel.alloc(), peer.host(), peer.port()));
                    }
                    channel.pipeline().addLast(connection);
                  }
                })
            .connect(address)
            .addListener(future -> {
              if (!future.isSuccess()) {
                Throwable cause = future.cause();
                connection.close(
                    cause.getMessage() == null ? cause.toString() : cause.getMessage());
              }
            });
  }

  /** What connections tell. */
  private final class ForConnections implements Owner {
    @Override
    public void dirty(Connection connection) {
      dirty.add(connection);
    }

    @Override
    public void opened() {
      everOpened = true;
      for (Slot slot : slots) {
        if (slot.connection != null && slot.connection.hasRoom()) {
          slot.pauseNanos = FIRST_PAUSE_NANOS;
        }
      }
      roomAgain();
    }

    @Override
    public void lost(Connection connection, String why) {
      if (closed) {
        return;
      }
      reason = why;
      for (Slot slot : slots) {
        if (slot.connection == connection) {
          slot.connection = null;
          slot.retryNanos = System.nanoTime() + slot.pauseNanos;
          slot.pauseNanos = Math.min(2 * slot.pauseNanos, LONGEST_PAUSE_NANOS);
          empty++;
        }
      }
      if (empty == slots.size()) {
        long now = System.nanoTime();
        while (!waiting.isEmpty()) {
          end(waiting.remove(), Status.Code.UNAVAILABLE, why, now);
        }
      }
    }

    @Override
    public void replace(Connection connection) {
      for (Slot slot : slots) {
        if (slot.connection == connection && !closed) {
          open(slot);
        }
      }
    }

    @Override
    public void roomAgain() {
      Pool.this.roomAgain();
    }

    @Override
    public void end(Exchange exchange, Status.Code code, String detail, long nanos) {
      Pool.this.end(exchange, code, detail, nanos);
    }
  }
}
