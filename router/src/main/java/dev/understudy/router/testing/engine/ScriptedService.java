package dev.understudy.router.testing.engine;

import dev.understudy.chassis.error.Fault;
import dev.understudy.router.call.Cancel;
import dev.understudy.router.call.Headers;
import dev.understudy.router.call.InferService;
import dev.understudy.router.call.Message;
import dev.understudy.router.call.Notes;
import dev.understudy.router.call.Reply;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * An inference service that does what a scenario says and remembers what an engine did to it. By
 * default it answers a request with its own bytes. Any thread.
 */
public final class ScriptedService implements InferService {
  /** The prediction id of every answer. */
  public static final String ID = "01890000-0000-7000-8000-000000000001";

  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(15);

  /**
   * A call that was opened.
   *
   * @param deadlineNanos as the engine said it
   * @param stream as the engine said it
   */
  public record Opened(Headers headers, long deadlineNanos, boolean stream) {}

  /** A message that came, and where its answer goes. */
  public static final class Request {
    private final byte[] message;
    private final Reply reply;
    private final AtomicInteger cancels = new AtomicInteger();

    Request(byte[] message, Reply reply) {
      this.message = message;
      this.reply = reply;
    }

    /** Its bytes. */
    public byte[] message() {
      return message;
    }

    /** Where the answer goes. */
    public Reply reply() {
      return reply;
    }

    /** Whether the client has gone away, as far as the engine said. */
    public boolean isCancelled() {
      return cancels.get() > 0;
    }

    /** Answers with the request's own bytes. */
    public void echo() {
      reply.ok(ID, Message.of(message), null, new Notes());
    }
  }

  private final List<Opened> opened = new CopyOnWriteArrayList<>();
  private final List<Request> requests = new CopyOnWriteArrayList<>();
  private final AtomicInteger closed = new AtomicInteger();
  private final AtomicInteger closedTwice = new AtomicInteger();
  private volatile Function<Headers, @Nullable Fault> refusal = headers -> null;
  private volatile Consumer<Request> answer = Request::echo;

  /** Refuses calls from now on by what their headers say. */
  public void refuse(Function<Headers, @Nullable Fault> by) {
    refusal = by;
  }

  /** Does something else with requests from now on. */
  public void onRequest(Consumer<Request> what) {
    answer = what;
  }

  /** Keeps requests unanswered from now on. */
  public void hold() {
    onRequest(request -> {});
  }

  @Override
  public Ticket open(Headers headers, long deadlineNanos, boolean stream) {
    opened.add(new Opened(headers, deadlineNanos, stream));
    Fault fault = refusal.apply(headers);
    if (fault != null) {
      throw fault;
    }
    return new OneTicket();
  }

  private final class OneTicket implements Ticket {
    private final AtomicInteger closes = new AtomicInteger();

    @Override
    public Cancel infer(byte[] message, Reply reply) {
      Request request = new Request(message, reply);
      requests.add(request);
      answer.accept(request);
      return request.cancels::incrementAndGet;
    }

    @Override
    public void close() {
      if (closes.getAndIncrement() == 0) {
        closed.incrementAndGet();
      } else {
        closedTwice.incrementAndGet();
      }
    }
  }

  /** The latest call that was opened. */
  public Opened lastOpened() {
    await("a call is opened", () -> !opened.isEmpty());
    return opened.getLast();
  }

  /** Calls opened so far. */
  public int opened() {
    return opened.size();
  }

  /** Requests so far. */
  public int requests() {
    return requests.size();
  }

  /** Waits for the request of this index. */
  public Request request(int index) {
    await("request " + index + " comes", () -> requests.size() > index);
    return requests.get(index);
  }

  /** Waits until that many tickets are closed, which must be all that were given. */
  public void awaitClosed(int tickets) {
    await(tickets + " tickets are closed", () -> closed.get() >= tickets);
    if (closed.get() != tickets) {
      throw new AssertionError("tickets closed: " + closed + " (expected: " + tickets + ")");
    }
  }

  /** Waits for something that must come true soon. */
  public static void await(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("did not come true within 15 s: " + what);
      }
      LockSupport.parkNanos(1_000_000);
    }
  }
}
