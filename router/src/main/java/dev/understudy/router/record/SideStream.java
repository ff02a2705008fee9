package dev.understudy.router.record;

import com.google.protobuf.MessageLite;
import dev.understudy.chassis.rpc.StreamHandler;
import dev.understudy.chassis.rpc.StreamSender;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Messages that may be dropped: a queue bounded in bytes in front of a connection that may not be
 * there. What finds no room, or is on a connection that breaks, is lost and counted. Any thread;
 * offering never waits.
 *
 * @param <M> what is sent
 * @param <A> what is received at the end
 */
public final class SideStream<M extends MessageLite, A> implements StreamHandler<M, A> {
  private final long maxBytes;
  private final ConcurrentLinkedQueue<M> queue = new ConcurrentLinkedQueue<>();
  private final AtomicLong bytes = new AtomicLong();
  private final AtomicLong dropped = new AtomicLong();
  private final AtomicLong sent = new AtomicLong();
  private final AtomicBoolean sending = new AtomicBoolean();
  private volatile @Nullable StreamSender<M> sender;

  /** A stream that holds at most so many bytes. */
  public SideStream(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /** Offers a message. */
  public boolean offer(M message) {
    int size = message.getSerializedSize();
    if (bytes.addAndGet(size) > maxBytes) {
      bytes.addAndGet(-size);
      dropped.incrementAndGet();
      return false;
    }
    queue.add(message);
    send();
    return true;
  }

  /** Whether something that large would be taken now; asked before it is built. */
  public boolean hasRoom(long size) {
    return bytes.get() + size <= maxBytes;
  }

  /** Counts something that was not even built. */
  public void countDropped() {
    dropped.incrementAndGet();
  }

  /** How many messages were lost. */
  public long dropped() {
    return dropped.get();
  }

  /** How many messages were handed to a connection. */
  public long sent() {
    return sent.get();
  }

  @Override
  public void onConnected(StreamSender<M> connection) {
    sender = connection;
    send();
  }

  @Override
  public void onReady(StreamSender<M> connection) {
    send();
  }

  @Override
  public void onMessage(A summary) {}

  @Override
  public void onLost(String why) {
    sender = null;
  }

  private void send() {
    // One thread sends; another that comes meanwhile leaves its message to it, and the sender looks
    // once more after it has let go.
    while (!queue.isEmpty() && sending.compareAndSet(false, true)) {
      boolean blocked = false;
      try {
        StreamSender<M> connection = sender;
        while (connection != null && connection.isReady()) {
          M next = queue.poll();
          if (next == null) {
            break;
          }
          bytes.addAndGet(-next.getSerializedSize());
          if (connection.send(next)) {
            sent.incrementAndGet();
          } else {
            dropped.incrementAndGet();
            blocked = true;
            break;
          }
        }
        blocked |= connection == null || !connection.isReady();
      } finally {
        sending.set(false);
      }
      if (blocked) {
        return;
      }
    }
  }
}
