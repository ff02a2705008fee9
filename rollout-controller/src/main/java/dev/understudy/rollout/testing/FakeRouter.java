package dev.understudy.rollout.testing;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.proto.v1.RouterState;
import dev.understudy.proto.v1.RoutingServiceGrpc;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.proto.v1.RoutingUpdate;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A router that holds a table and serves nobody: it follows a controller over real gRPC, applies
 * every table of an epoch that is not older than it has seen, and says so. Safe for use by any
 * thread.
 */
public final class FakeRouter implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 20;

  private final String name;
  private final ManagedChannel channel;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final StreamObserver<RouterState> toController;
  private @Nullable RoutingTable table;
  private long seenEpoch;
  private int renewals;
  private boolean applies = true;
  private long appliedRevision;
  private long appliedEpoch;
  private long unacknowledgedBlocks;
  private @Nullable Throwable lost;

  /** Connects and asks for the table. */
  public FakeRouter(String name, HostPort controller) {
    this(name, controller, 0);
  }

  /** Connects as a router that has seen an epoch before. */
  public FakeRouter(String name, HostPort controller, long seenEpoch) {
    this(name, controller, seenEpoch, ChannelOptions.plaintext());
  }

  /** The same by another kind of channel, such as one with a token. */
  public FakeRouter(String name, HostPort controller, long seenEpoch, ChannelOptions options) {
    this.name = name;
    this.seenEpoch = seenEpoch;
    this.appliedEpoch = seenEpoch;
    this.channel = Channels.open(controller, options);
    this.toController = RoutingServiceGrpc.newStub(channel).sync(new FromController());
    toController.onNext(state());
  }

  /** Takes tables without putting them in force, or again does. */
  public void applies(boolean value) {
    lock.lock();
    try {
      applies = value;
      if (value && table != null) {
        apply(table);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Says how many blocks of evidence the judge has not acknowledged. */
  public void unacknowledgedBlocks(long blocks) {
    lock.lock();
    try {
      unacknowledgedBlocks = blocks;
      toController.onNext(state());
    } finally {
      lock.unlock();
    }
  }

  /** Waits for a table and returns it. */
  public RoutingTable await(Predicate<RoutingTable> condition) throws InterruptedException {
    await(() -> table != null && condition.test(table), "table");
    lock.lock();
    try {
      if (table == null) {
        throw new IllegalStateException("no table");
      }
      return table;
    } finally {
      lock.unlock();
    }
  }

  /** Waits until the lease was renewed so often since the last table. */
  public void awaitRenewals(int count) throws InterruptedException {
    await(() -> renewals >= count, count + " renewals");
  }

  /** Waits until the controller has cut the stream. */
  public void awaitLost() throws InterruptedException {
    await(() -> lost != null, "end");
  }

  /** Renewals since the last table. */
  public int renewals() {
    lock.lock();
    try {
      return renewals;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    channel.shutdownNow();
    Channels.close(channel, Duration.ofSeconds(1));
  }

  private interface Check {
    boolean holds();
  }

  private void await(Check check, String what) throws InterruptedException {
    long left = TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    lock.lock();
    try {
      while (!check.holds()) {
        if (left <= 0) {
          throw new IllegalStateException(
              name + ": no such " + what + " in " + PATIENCE_SECONDS + " s; has " + table);
        }
        left = changed.awaitNanos(left);
      }
    } finally {
      lock.unlock();
    }
  }

  private void apply(RoutingTable next) {
    appliedRevision = next.getRevision();
    appliedEpoch = next.getEpoch();
    toController.onNext(state());
  }

  private RouterState state() {
    return RouterState.newBuilder()
        .setRouter(name)
        .setBootId("1")
        .setAppliedRevision(appliedRevision)
        .setAppliedEpoch(appliedEpoch)
        .setEvidenceBlocksUnacknowledged(unacknowledgedBlocks)
        .build();
  }

  private final class FromController implements StreamObserver<RoutingUpdate> {
    @Override
    public void onNext(RoutingUpdate update) {
      lock.lock();
      try {
        if (update.hasRenewal()) {
          renewals++;
        } else if (update.getTable().getEpoch() >= seenEpoch) {
          table = update.getTable();
          seenEpoch = table.getEpoch();
          renewals = 0;
          if (applies) {
            apply(table);
          }
        }
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void onError(Throwable cause) {
      lock.lock();
      try {
        lost = cause;
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void onCompleted() {
      onError(new IllegalStateException("the controller ended the stream"));
    }
  }
}
