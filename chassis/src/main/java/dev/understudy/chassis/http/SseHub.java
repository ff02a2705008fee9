package dev.understudy.chassis.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;

/**
 * Sends events to every page that listens (server-sent events, WHATWG HTML, section 9.2).
 *
 * <p>Publishing never waits. Each client has a queue of a fixed length; a client whose queue is
 * full is cut off and counted, and its browser connects again. A comment is sent when there is
 * nothing to say, so that lost clients are noticed. Safe for use by any thread.
 */
public final class SseHub implements AutoCloseable {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");
  private static final byte[] HEARTBEAT = ":\n\n".getBytes(StandardCharsets.US_ASCII);

  private final int queueLength;
  private final int maxClients;
  private final Duration heartbeat;
  private final Set<Client> clients = ConcurrentHashMap.newKeySet();
  private final AtomicLong dropped = new AtomicLong();
  private volatile boolean closed;

  /** A hub for 64 clients of 256 events each and a heartbeat of 15 s. */
  public SseHub() {
    this(256, 64, Duration.ofSeconds(15));
  }

  /**
   * A hub with its own bounds.
   *
   * @param queueLength events that may wait for one client
   * @param maxClients how many may listen at a time
   * @param heartbeat the longest silence
   */
  public SseHub(int queueLength, int maxClients, Duration heartbeat) {
    this.queueLength = queueLength;
    this.maxClients = maxClients;
    this.heartbeat = heartbeat;
  }

  /**
   * Sends an event to all who listen.
   *
   * @param event its name, of letters, digits, dots and dashes
   * @param data any text; each of its lines becomes a {@code data} line
   */
  public void publish(String event, String data) {
    if (!NAME.matcher(event).matches()) {
      throw new IllegalArgumentException("event: '" + event + "' (expected: " + NAME + ")");
    }
    var text = new StringBuilder("event: ").append(event).append('\n');
    data.lines().forEach(line -> text.append("data: ").append(line).append('\n'));
    if (data.isEmpty()) {
      text.append("data:\n");
    }
    byte[] bytes = text.append('\n').toString().getBytes(StandardCharsets.UTF_8);
    for (Client client : List.copyOf(clients)) {
      if (!client.queue.offer(bytes) && clients.remove(client)) {
        dropped.incrementAndGet();
        client.cutOff();
      }
    }
  }

  /** How many listen now. */
  public int clients() {
    return clients.size();
  }

  /** How many have been cut off because they read too slowly. */
  public long dropped() {
    return dropped.get();
  }

  /** Ends every connection and accepts no more. */
  @Override
  public void close() {
    closed = true;
    for (Client client : List.copyOf(clients)) {
      clients.remove(client);
      client.cutOff();
    }
  }

  /** Serves one client on the calling thread until it leaves. */
  void serve(HttpExchange exchange) throws IOException {
    if (closed || clients.size() >= maxClients) {
      exchange.getResponseHeaders().set("Retry-After", "5");
      exchange.sendResponseHeaders(503, -1);
      return;
    }
    exchange.getResponseHeaders().set("Content-Type", "text/event-stream; charset=utf-8");
    exchange.getResponseHeaders().set("Cache-Control", "no-store");
    exchange.getResponseHeaders().set("X-Accel-Buffering", "no");
    exchange.sendResponseHeaders(200, 0);
    var client = new Client(exchange, Thread.currentThread(), queueLength);
    clients.add(client);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(HEARTBEAT);
      out.flush();
      while (clients.contains(client) && !closed) {
        byte[] event = client.queue.poll(heartbeat.toNanos(), TimeUnit.NANOSECONDS);
        out.write(event == null ? HEARTBEAT : event);
        if (client.queue.isEmpty()) {
          out.flush();
        }
      }
    } catch (InterruptedException cutOff) {
      Thread.currentThread().interrupt();
    } finally {
      clients.remove(client);
    }
  }

  private static final class Client {
    private final HttpExchange exchange;
    private final Thread thread;
    private final BlockingQueue<byte[]> queue;

    Client(HttpExchange exchange, Thread thread, int queueLength) {
      this.exchange = exchange;
      this.thread = thread;
      this.queue = new ArrayBlockingQueue<>(queueLength);
    }

    /** Ends the client's thread also when it waits in a write that nobody reads. */
    void cutOff() {
      thread.interrupt();
      Thread.ofVirtual().name("sse-close").start(exchange::close);
    }
  }
}
