package dev.understudy.modelserver.repository;

import dev.understudy.chassis.time.TimeSource;
import dev.understudy.modelserver.batching.BatchQueue;
import dev.understudy.modelserver.batching.BatchRules;
import dev.understudy.modelserver.execution.BatchRunner;
import dev.understudy.modelserver.execution.ExecutionLane;
import dev.understudy.modelserver.execution.ExecutionOptions;
import dev.understudy.modelserver.execution.InferenceBackend;
import dev.understudy.modelserver.execution.InferenceJob;
import dev.understudy.modelserver.execution.LoadedModel;
import dev.understudy.modelserver.execution.ModelLoadException;
import dev.understudy.modelserver.statistics.VersionStatistics;
import dev.understudy.proto.inference.ModelConfig;
import dev.understudy.proto.inference.ModelDynamicBatching;
import dev.understudy.proto.inference.ModelInstanceGroup;
import dev.understudy.proto.inference.ModelParameter;
import dev.understudy.proto.inference.ModelQueuePolicy;
import dev.understudy.proto.tensor.Signature;
import dev.understudy.proto.tensor.SignatureCheck;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * One version of a model, warm and running: its weights, its queue, and its instances, each a
 * platform thread with a lane. It lives for as long as anybody holds it: the repository holds it
 * while the version is visible, and every call holds it until it is answered. When the last holder
 * lets go the queue stops, the instances end, and the last of them releases the memory.
 *
 * <p>Safe for use by any thread.
 */
public final class ServedVersion {
  /** Requests that may wait when the configuration does not say. */
  static final int DEFAULT_QUEUE_SIZE = 1024;

  private static final Logger log = Logger.getLogger(ServedVersion.class.getName());

  private final String name;
  private final long number;
  private final String digest;
  private final ModelConfig config;
  private final Signature signature;
  private final SignatureCheck check;
  private final LoadedModel model;
  private final BatchQueue<InferenceJob> queue;
  private final VersionStatistics statistics = new VersionStatistics();
  private final AtomicInteger holders = new AtomicInteger(1);
  private final AtomicInteger instances;
  private final CountDownLatch released = new CountDownLatch(1);

  private ServedVersion(
      long number,
      String digest,
      ModelConfig config,
      LoadedModel model,
      int instances,
      TimeSource time) {
    this.name = config.getName();
    this.number = number;
    this.digest = digest;
    this.config = config;
    this.signature = Signature.of(config);
    this.check = new SignatureCheck(signature);
    this.model = model;
    this.queue = new BatchQueue<>(rules(config), queueSize(config), time);
    this.instances = new AtomicInteger(instances);
  }

  /** Loads, completes, warms and starts a version. The caller becomes its first holder. */
  static ServedVersion start(
      InferenceBackend backend,
      Path folder,
      String name,
      long number,
      String digest,
      ConfigText text,
      TimeSource time)
      throws ModelLoadException {
    String fileName = text.config().getDefaultModelFilename();
    Path file = folder.resolve(fileName.isEmpty() ? ConfigCompletion.DEFAULT_FILE : fileName);
    LoadedModel model = backend.load(file, options(text.config()));
    List<ExecutionLane> lanes = new ArrayList<>();
    try {
      ModelConfig config = ConfigCompletion.complete(name, text, model);
      try {
        warm(model, config, lanes);
      } catch (Warmup.NotBatchingException e) {
        if (!ConfigCompletion.choosesBatchSize(text)) {
          throw new ModelLoadException(
              "config.pbtxt: max_batch_size is "
                  + config.getMaxBatchSize()
                  + ", but the model takes one row and not two ("
                  + e.getMessage()
                  + "): set max_batch_size: 0",
              e);
        }
        log.log(
            Level.WARNING,
            "Model ''{0}'' takes one row and not two ({1}); it is served without batches",
            new Object[] {name, e.getMessage()});
        lanes.forEach(ExecutionLane::close);
        lanes.clear();
        config = ConfigCompletion.complete(name, unbatched(text), model);
        warmUnbatched(model, config, lanes);
      }
      var version = new ServedVersion(number, digest, config, model, lanes.size(), time);
      version.launch(lanes, time);
      return version;
    } catch (ModelLoadException | RuntimeException e) {
      lanes.forEach(ExecutionLane::close);
      model.close();
      throw e;
    }
  }

  private static ConfigText unbatched(ConfigText text) {
    return new ConfigText(
        text.config().toBuilder().setMaxBatchSize(0).clearDynamicBatching().build(),
        true,
        text.ignored());
  }

  private static void warm(LoadedModel model, ModelConfig config, List<ExecutionLane> lanes)
      throws ModelLoadException, Warmup.NotBatchingException {
    var warmup = new Warmup(model, config);
    int count = config.getInstanceGroupList().stream().mapToInt(ModelInstanceGroup::getCount).sum();
    for (int i = 0; i < count; i++) {
      ExecutionLane lane = model.newLane(config.getMaxBatchSize() > 0);
      lanes.add(lane);
      warmup.run(lane);
    }
  }

  private static void warmUnbatched(
      LoadedModel model, ModelConfig config, List<ExecutionLane> lanes) throws ModelLoadException {
    try {
      warm(model, config, lanes);
    } catch (Warmup.NotBatchingException e) {
      throw new IllegalStateException("a model without batches was asked for two rows", e);
    }
  }

  private static ExecutionOptions options(ModelConfig config) {
    return new ExecutionOptions(
        threads(config, ConfigCheck.INTRA_OP_THREADS),
        threads(config, ConfigCheck.INTER_OP_THREADS));
  }

  /** Triton's 0, "as many as there are cores", would let instances fight; it is taken as 1. */
  private static int threads(ModelConfig config, String key) {
    String value =
        config.getParametersOrDefault(key, ModelParameter.getDefaultInstance()).getStringValue();
    return value.isEmpty() ? 1 : Math.max(1, Integer.parseInt(value));
  }

  private static BatchRules rules(ModelConfig config) {
    int most = Math.max(1, config.getMaxBatchSize());
    if (!config.hasDynamicBatching() || config.getMaxBatchSize() == 0) {
      return BatchRules.alone(most);
    }
    ModelDynamicBatching batching = config.getDynamicBatching();
    long delayNanos =
        TimeUnit.MICROSECONDS.toNanos(Math.max(0, batching.getMaxQueueDelayMicroseconds()));
    return new BatchRules(true, most, delayNanos, batching.getPreferredBatchSizeList());
  }

  private static int queueSize(ModelConfig config) {
    int size = config.getDynamicBatching().getDefaultQueuePolicy().getMaxQueueSize();
    return size > 0 ? size : DEFAULT_QUEUE_SIZE;
  }

  private void launch(List<ExecutionLane> lanes, TimeSource time) {
    for (int i = 0; i < lanes.size(); i++) {
      var runner = new BatchRunner(name, lanes.get(i), statistics, time);
      Thread.ofPlatform()
          .name("instance-" + name + "-" + number + "-" + i)
          .daemon()
          .start(() -> serve(runner));
    }
  }

  private void serve(BatchRunner runner) {
    try (runner) {
      for (List<InferenceJob> batch = queue.take(); batch != null; batch = queue.take()) {
        long runNanos = 0;
        try {
          runNanos = runner.run(batch);
        } catch (RuntimeException | Error e) {
          // The runner has told everybody it could; without this thread nobody else would be
          // served.
          log.log(Level.SEVERE, "An instance of model '" + name + "' goes on after a failure", e);
        } finally {
          queue.finished(runNanos);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      if (instances.decrementAndGet() == 0) {
        model.close();
        released.countDown();
      }
    }
  }

  /** Offers a request to the queue, without waiting. The caller must hold this version. */
  public BatchQueue.Offer offer(InferenceJob job) {
    return queue.offer(job);
  }

  /** Takes a request out of the queue. False when it is not waiting any more. */
  public boolean withdraw(InferenceJob job) {
    return queue.remove(job);
  }

  /** Adds a holder, unless the version is going already. */
  boolean tryHold() {
    int count = holders.get();
    while (count > 0) {
      if (holders.compareAndSet(count, count + 1)) {
        return true;
      }
      count = holders.get();
    }
    return false;
  }

  /** Lets go. Once for each hold. */
  void letGo() {
    int left = holders.decrementAndGet();
    if (left < 0) {
      throw new IllegalStateException(name + " version " + number + " was let go too often");
    }
    if (left == 0) {
      queue.stop();
    }
  }

  /** Takes no more requests; those that wait are still served. */
  void stopAccepting() {
    queue.stop();
  }

  /** Waits until nothing waits or runs. False when the time is over before. */
  boolean awaitIdle(long timeoutNanos) throws InterruptedException {
    return queue.awaitIdle(timeoutNanos);
  }

  /** Empties the queue and returns what waited. */
  List<InferenceJob> evict() {
    return queue.evict();
  }

  /** Waits until the memory has been given back. False when the time is over before. */
  boolean awaitReleased(long timeoutNanos) throws InterruptedException {
    return released.await(timeoutNanos, TimeUnit.NANOSECONDS);
  }

  /** Whether the memory has been given back. */
  boolean isReleased() {
    return released.getCount() == 0;
  }

  /** Microseconds a request may wait when it does not say itself; 0: without limit. */
  public long defaultTimeoutMicros() {
    return config.getDynamicBatching().getDefaultQueuePolicy().getDefaultTimeoutMicroseconds();
  }

  /**
   * Whether a request's own {@code timeout} counts. It does, unless the configuration has a queue
   * policy that does not allow it.
   */
  public boolean allowsTimeoutOverride() {
    ModelDynamicBatching batching = config.getDynamicBatching();
    ModelQueuePolicy policy = batching.getDefaultQueuePolicy();
    return !batching.hasDefaultQueuePolicy() || policy.getAllowTimeoutOverride();
  }

  /** The model's name. */
  public String name() {
    return name;
  }

  /** The version, 1 or more. */
  public long number() {
    return number;
  }

  /** SHA-256 of the artifact, hex. */
  public String digest() {
    return digest;
  }

  /** The configuration, complete. */
  public ModelConfig config() {
    return config;
  }

  /** Inputs and outputs in the model's order, which is the lanes' too. */
  public Signature signature() {
    return signature;
  }

  /** Checks requests against the signature. */
  public SignatureCheck check() {
    return check;
  }

  /** Whether the first dimension on the wire is the batch. */
  public boolean isBatching() {
    return config.getMaxBatchSize() > 0;
  }

  /** What is counted. */
  public VersionStatistics statistics() {
    return statistics;
  }

  /** Requests waiting now. */
  public int pending() {
    return queue.size();
  }
}
