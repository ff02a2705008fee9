package dev.understudy.chassis.rpc;

import dev.understudy.chassis.time.Cancellable;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.concurrent.locks.ReentrantLock;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A stream to a peer that is opened again whenever it ends, until it is closed.
 *
 * <p>It serves methods that stream in both directions and those that stream only answers; for the
 * latter the handler sends its one request in {@link StreamHandler#onConnected} and completes.
 * Waits between attempts follow a {@link Backoff}, which starts anew once the peer has answered or
 * a connection has lasted as long as the longest wait. A stream holds no messages: what the handler
 * could not send is the handler's to keep or to drop.
 *
 * <p>Safe for use by any thread.
 *
 * @param <Q> what is sent
 * @param <A> what is received
 */
public final class ResilientStream<Q, A> implements AutoCloseable {
  private static final Logger log = Logger.getLogger(ResilientStream.class.getName());

  private final ManagedChannel channel;
  private final MethodDescriptor<Q, A> method;
  private final Backoff backoff;
  private final Scheduler scheduler;
  private final TimeSource time;
  private final RandomGenerator random;
  private final StreamHandler<Q, A> handler;

  /** Held during callbacks, because the first of a call may come from the thread that starts it. */
  private final ReentrantLock turn = new ReentrantLock();

  // Guarded by this.
  private boolean started;
  private boolean closed;
  private int failures;
  private @Nullable Connection current;
  private @Nullable Cancellable pending;

  /**
   * A stream that has not been started.
   *
   * @param random safe for use by any thread
   */
  public ResilientStream(
      ManagedChannel channel,
      MethodDescriptor<Q, A> method,
      Backoff backoff,
      Scheduler scheduler,
      TimeSource time,
      RandomGenerator random,
      StreamHandler<Q, A> handler) {
    this.channel = channel;
    this.method = method;
    this.backoff = backoff;
    this.scheduler = scheduler;
    this.time = time;
    this.random = random;
    this.handler = handler;
  }

  /** Makes the first attempt. Once only. */
  public void start() {
    synchronized (this) {
      if (started) {
        throw new IllegalStateException("the stream has been started before");
      }
      started = true;
    }
    connect();
  }

  /** Whether a connection is open now, as far as is known. */
  public synchronized boolean isConnected() {
    return current != null && current.announced;
  }

  /** Cancels the connection and makes no further attempt. The channel stays open. */
  @Override
  public void close() {
    Connection open;
    synchronized (this) {
      closed = true;
      open = current;
      current = null;
      if (pending != null) {
        pending.cancel();
      }
    }
    if (open != null) {
      open.call.cancel("the stream was closed", null);
    }
  }

  private void connect() {
    Connection connection;
    synchronized (this) {
      if (closed) {
        return;
      }
      pending = null;
      // gRPC keeps a backoff of its own, of up to two minutes, which would hide a peer that is
      // back.
      channel.resetConnectBackoff();
      connection = new Connection(channel.newCall(method, CallOptions.DEFAULT));
      current = connection;
    }
    connection.begin();
  }

  private void ended(Connection connection, Status status) {
    synchronized (this) {
      if (closed || current != connection) {
        return;
      }
      current = null;
      if (connection.isProven()) {
        failures = 0;
      }
    }
    String why = status.getCode().name();
    String text = status.getDescription();
    tell(null, () -> handler.onLost(text == null ? why : why + ": " + text));
    synchronized (this) {
      if (closed) {
        return;
      }
      pending =
          scheduler.after(
              backoff.delay(failures++, random),
              "reconnect " + method.getFullMethodName(),
              this::connect);
    }
  }

  private synchronized boolean isCurrent(Connection connection) {
    return current == connection && !closed;
  }

  /** Runs a callback in its turn; says whether it went well. Skips what belongs to the past. */
  private boolean tell(@Nullable Connection connection, Runnable event) {
    turn.lock();
    try {
      if (connection == null || isCurrent(connection)) {
        event.run();
      }
      return true;
    } catch (RuntimeException e) {
      log.log(Level.WARNING, "The handler of " + method.getFullMethodName() + " failed", e);
      return false;
    } finally {
      turn.unlock();
    }
  }

  /** One call. Its callbacks arrive one after the other. */
  private final class Connection extends ClientCall.Listener<A> implements StreamSender<Q> {
    private final ClientCall<Q, A> call;
    private final long openedNanos = time.nanoTime();
    private volatile boolean announced;
    private volatile boolean answered;
    private boolean ended;
    private boolean completed;

    Connection(ClientCall<Q, A> call) {
      this.call = call;
    }

    void begin() {
      call.start(this, new Metadata());
      call.request(1);
      // gRPC never calls onReady when the client sends a single message.
      if (method.getType().clientSendsOneMessage()) {
        announce();
      }
    }

    private void announce() {
      announced = true;
      if (!tell(this, () -> handler.onConnected(this))) {
        call.cancel("the handler failed", null);
      }
    }

    boolean isProven() {
      return answered || (announced && time.nanoTime() - openedNanos >= backoff.max().toNanos());
    }

    @Override
    public void onReady() {
      if (!announced) {
        announce();
      } else if (isCurrent(this)) {
        tell(this, () -> handler.onReady(this));
      }
    }

    @Override
    public void onHeaders(Metadata headers) {
      answered = true;
    }

    @Override
    public void onMessage(A message) {
      answered = true;
      if (!isCurrent(this)) {
        return;
      }
      if (tell(this, () -> handler.onMessage(message))) {
        call.request(1);
      } else {
        call.cancel("the handler failed", null);
      }
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      synchronized (call) {
        ended = true;
      }
      ResilientStream.this.ended(this, status);
    }

    @Override
    public boolean isReady() {
      synchronized (call) {
        return !ended && !completed && call.isReady();
      }
    }

    @Override
    public boolean send(Q message) {
      synchronized (call) {
        if (ended || completed) {
          return false;
        }
        try {
          call.sendMessage(message);
          return true;
        } catch (IllegalStateException cancelled) {
          return false;
        }
      }
    }

    @Override
    public void complete() {
      synchronized (call) {
        if (!ended && !completed) {
          completed = true;
          try {
            call.halfClose();
          } catch (IllegalStateException cancelled) {
            log.log(Level.FINE, "completed after the end", cancelled);
          }
        }
      }
    }
  }
}
