package dev.understudy.collector.rollouts;

import dev.understudy.chassis.rpc.Backoff;
import dev.understudy.chassis.rpc.ResilientStream;
import dev.understudy.chassis.rpc.StreamHandler;
import dev.understudy.chassis.rpc.StreamSender;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * One lasting stream for each of a changing set of ids. Safe for use by any thread.
 *
 * @param <Q> what asks for an id's stream
 * @param <A> what is received
 */
final class Watches<Q, A> implements AutoCloseable {
  private final ManagedChannel channel;
  private final MethodDescriptor<Q, A> method;
  private final Function<String, Q> request;
  private final Consumer<A> receiver;
  private final Scheduler scheduler;
  private final TimeSource time;
  private final Map<String, ResilientStream<Q, A>> open = new HashMap<>();

  Watches(
      ManagedChannel channel,
      MethodDescriptor<Q, A> method,
      Function<String, Q> request,
      Consumer<A> receiver,
      Scheduler scheduler,
      TimeSource time) {
    this.channel = channel;
    this.method = method;
    this.request = request;
    this.receiver = receiver;
    this.scheduler = scheduler;
    this.time = time;
  }

  /** Watches these ids and no others. */
  synchronized void set(Collection<String> ids) {
    Set<String> gone = new HashSet<>(open.keySet());
    ids.forEach(gone::remove);
    gone.forEach(id -> {
      ResilientStream<Q, A> stream = open.remove(id);
      if (stream != null) {
        stream.close();
      }
    });
    for (String id : ids) {
      if (!open.containsKey(id)) {
        var stream =
            new ResilientStream<>(
                channel,
                method,
                Backoff.DEFAULT,
                scheduler,
                time,
                () -> ThreadLocalRandom.current().nextLong(),
                handler(id));
        open.put(id, stream);
        stream.start();
      }
    }
  }

  @Override
  public synchronized void close() {
    open.values().forEach(ResilientStream::close);
    open.clear();
  }

  private StreamHandler<Q, A> handler(String id) {
    return new StreamHandler<>() {
      @Override
      public void onConnected(StreamSender<Q> sender) {
        sender.send(request.apply(id));
        sender.complete();
      }

      @Override
      public void onMessage(A message) {
        receiver.accept(message);
      }

      @Override
      public void onLost(String why) {}
    };
  }
}
