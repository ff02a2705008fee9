package dev.understudy.modelserver.repository;

import dev.understudy.chassis.digest.VersionDigest;
import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.modelserver.execution.InferenceBackend;
import dev.understudy.modelserver.execution.InferenceJob;
import dev.understudy.modelserver.execution.ModelLoadException;
import dev.understudy.modelserver.repository.ModelEntry.Slot;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The models that are served, and how they come and go.
 *
 * <p>A version becomes visible when it is loaded and warm, in one step, and only then is the one
 * that it replaces let go; calls that hold the old one finish on it. A version that cannot be
 * loaded takes nothing away: the others serve on, and so does its predecessor under the same
 * number. A version whose files and configuration have not changed is kept as it is.
 *
 * <p>Safe for use by any thread. Loads and unloads of one model follow one another.
 */
public final class ModelRepository implements AutoCloseable {
  private static final Logger log = Logger.getLogger(ModelRepository.class.getName());
  private static final Pattern INTEGER = Pattern.compile("[0-9]{1,18}");
  private static final String STOPPING =
      "Server is stopping, scheduler for model has stopped accepting new inference requests";

  /** Stands for a model of which no version can be named, because its configuration is refused. */
  private static final long CONFIGURATION = 0;

  private final ModelFolders folders;
  private final InferenceBackend backend;
  private final TimeSource time;
  private final ConcurrentMap<String, ModelEntry> models = new ConcurrentHashMap<>();
  private final Set<String> noted = ConcurrentHashMap.newKeySet();
  private volatile boolean stopping;

  /** Looks at the folders only when asked to. */
  public ModelRepository(List<Path> repositories, InferenceBackend backend, TimeSource time) {
    this.folders = new ModelFolders(repositories);
    this.backend = backend;
    this.time = time;
  }

  /** Loads every model there is. Failures are logged and kept in the index. */
  public void loadAll() {
    try {
      loadAll(folders.models().keySet());
    } catch (IOException e) {
      throw Fault.of(
              Status.Code.FAILED_PRECONDITION,
              "REPOSITORY_UNREADABLE",
              "cannot read the model repository: " + e)
          .cause(e);
    }
  }

  /** Loads some models. Failures are logged and kept in the index. */
  public void loadAll(Iterable<String> names) {
    for (String name : names) {
      try {
        load(name, null);
      } catch (Fault e) {
        log.log(Level.WARNING, e.getMessage());
      }
    }
  }

  /**
   * Loads a model, or loads it again, as its folder and configuration now stand.
   *
   * @param overrideJson a model configuration whose fields replace those of the file, or null
   * @throws Fault when some version could not be loaded
   */
  public void load(String name, @Nullable String overrideJson) {
    if (stopping) {
      throw stoppingFault();
    }
    ModelEntry entry = models.get(name);
    if (entry == null) {
      entry = new ModelEntry();
      ModelEntry other = folderExists(name) ? models.putIfAbsent(name, entry) : null;
      entry = other == null ? entry : other;
    }
    entry.changing.lock();
    try {
      load(name, entry, overrideJson);
    } catch (ModelLoadException e) {
      if (entry.slots().isEmpty()) {
        entry.put(CONFIGURATION, Slot.of(VersionState.FAILED, String.valueOf(e.getMessage())));
      }
      throw failedToLoad(name, String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw failedToLoad(name, "cannot read its folder: " + e, e);
    } finally {
      entry.changing.unlock();
    }
  }

  private boolean folderExists(String name) {
    try {
      return folders.models().containsKey(name);
    } catch (IOException e) {
      return false;
    }
  }

  private void load(String name, ModelEntry entry, @Nullable String overrideJson)
      throws ModelLoadException, IOException {
    Path folder = folders.model(name);
    ConfigText written = ModelFolders.config(folder);
    ConfigText text = overrideJson == null ? written : written.override(overrideJson);
    note(name, ConfigCheck.check(name, text));
    NavigableSet<Long> wanted =
        VersionPolicy.choose(text.config().getVersionPolicy(), ModelFolders.versions(folder));
    if (wanted.isEmpty()) {
      throw new ModelLoadException(
          "no version to serve (expected: folders named 1, 2, … in " + folder.getFileName() + ")");
    }
    entry.remove(CONFIGURATION);
    Map<Long, String> failures = new TreeMap<>();
    for (long version : wanted) {
      try {
        bringUp(name, entry, version, folder.resolve(Long.toString(version)), text);
      } catch (ModelLoadException | IOException | RuntimeException e) {
        String reason =
            e instanceof ModelLoadException ? String.valueOf(e.getMessage()) : e.toString();
        failures.put(version, reason);
        Slot slot = entry.slots().get(version);
        ServedVersion old = slot == null ? null : slot.ready();
        entry.put(
            version,
            old == null
                ? Slot.of(VersionState.FAILED, reason)
                : new Slot(VersionState.READY, "kept; its successor failed: " + reason, old, null));
      }
    }
    if (!failures.isEmpty()) {
      StringBuilder reasons = new StringBuilder();
      failures.forEach((version, reason) ->
          reasons
              .append(reasons.isEmpty() ? "" : "; ")
              .append("version ")
              .append(version)
              .append(": ")
              .append(reason));
      throw new ModelLoadException(reasons.toString());
    }
    for (long version : List.copyOf(entry.slots().keySet())) {
      if (!wanted.contains(version)) {
        takeDown(entry, version);
      }
    }
    log.log(Level.INFO, "Model ''{0}'' serves versions {1}", new Object[] {name, wanted});
  }

  private void bringUp(String name, ModelEntry entry, long version, Path folder, ConfigText text)
      throws ModelLoadException, IOException {
    if (!Files.isDirectory(folder)) {
      throw new ModelLoadException("its folder is missing");
    }
    String digest;
    try {
      digest = VersionDigest.of(folder);
    } catch (IOException e) {
      throw new ModelLoadException("its files cannot be read: " + e.getMessage());
    }
    Slot slot = entry.slots().get(version);
    ServedVersion old = slot == null ? null : slot.ready();
    if (slot != null
        && old != null
        && old.digest().equals(digest)
        && isSameModel(slot.source(), text)) {
      entry.put(version, new Slot(VersionState.READY, "", old, text));
      return;
    }
    if (old == null) {
      entry.put(version, Slot.of(VersionState.LOADING, ""));
    }
    ServedVersion started = ServedVersion.start(backend, folder, name, version, digest, text, time);
    entry.put(version, new Slot(VersionState.READY, "", started, text));
    if (stopping) {
      started.stopAccepting();
    }
    if (old != null) {
      old.letGo();
    }
  }

  private static boolean isSameModel(@Nullable ConfigText before, ConfigText now) {
    return before != null
        && before.setsMaxBatchSize() == now.setsMaxBatchSize()
        && before.config().toBuilder()
            .clearVersionPolicy()
            .build()
            .equals(now.config().toBuilder().clearVersionPolicy().build());
  }

  private static void takeDown(ModelEntry entry, long version) {
    Slot slot = entry.slots().get(version);
    ServedVersion served = slot == null ? null : slot.ready();
    if (served == null && version == CONFIGURATION) {
      entry.remove(version);
      return;
    }
    entry.put(version, new Slot(VersionState.UNLOADED, "unloaded", served, null));
    if (served != null) {
      served.letGo();
    }
  }

  /**
   * Unloads all versions of a model. Calls that are under way are still answered.
   *
   * @throws Fault when the model has never been loaded
   */
  public void unload(String name) {
    ModelEntry entry = models.get(name);
    if (entry == null) {
      throw unknown(name, "is not found");
    }
    entry.changing.lock();
    try {
      entry.slots().keySet().forEach(version -> takeDown(entry, version));
    } finally {
      entry.changing.unlock();
    }
    log.log(Level.INFO, "Model ''{0}'' is unloaded", name);
  }

  /**
   * Holds a version for one call.
   *
   * @param version a number, or empty for the highest that is ready
   * @throws Fault in Triton's words when there is no such version
   */
  public ModelHandle acquire(String name, String version) {
    // Once more when the version was replaced between looking and holding.
    while (true) {
      ServedVersion found = find(name, version);
      if (found.tryHold()) {
        return new ModelHandle(found);
      }
      Thread.onSpinWait();
    }
  }

  private ServedVersion find(String name, String version) {
    ModelEntry entry = models.get(name);
    if (entry == null) {
      throw unknown(name, "is not found");
    }
    if (version.isEmpty()) {
      ServedVersion latest = entry.latestReady();
      if (latest == null) {
        throw unknown(name, "has no available versions");
      }
      return latest;
    }
    Slot slot = entry.slots().get(parseVersion(version));
    if (slot == null) {
      throw unknown(name, "version " + version + " is not found");
    }
    ServedVersion served = slot.ready();
    if (served == null) {
      throw Fault.of(
              Status.Code.UNAVAILABLE,
              "MODEL_NOT_READY",
              "Request for unknown model: '"
                  + name
                  + "' version "
                  + version
                  + " is not at ready state"
                  + (slot.reason().isEmpty() ? "" : " (" + slot.reason() + ")"))
          .resource("model", name);
    }
    return served;
  }

  private static long parseVersion(String version) {
    if (!INTEGER.matcher(version).matches()) {
      throw Fault.of(
          Status.Code.INVALID_ARGUMENT,
          "BAD_VERSION",
          "failed to get model version from specified version string '"
              + version
              + "' (expected: an integer of 1 or more)");
    }
    return Long.parseLong(version);
  }

  /** Whether a version, or any if the text is empty, answers calls. */
  public boolean isReady(String name, String version) {
    long number = version.isEmpty() ? 0 : parseVersion(version);
    ModelEntry entry = models.get(name);
    if (entry == null || stopping) {
      return false;
    }
    Slot slot = entry.slots().get(number);
    return version.isEmpty() ? entry.latestReady() != null : slot != null && slot.ready() != null;
  }

  /** Whether every model that was asked for has a version that answers calls. */
  public boolean areAllReady() {
    return models.values().stream().noneMatch(ModelEntry::isWithoutReady);
  }

  /** The versions of a model that answer calls, ascending. */
  public List<Long> readyVersions(String name) {
    ModelEntry entry = models.get(name);
    return entry == null
        ? List.of()
        : entry.slots().entrySet().stream()
            .filter(slot -> slot.getValue().ready() != null)
            .map(Map.Entry::getKey)
            .toList();
  }

  /** Every version that answers calls, by model and number. */
  public List<ServedVersion> ready() {
    List<ServedVersion> ready = new ArrayList<>();
    for (ModelEntry entry : new TreeMap<>(models).values()) {
      for (Slot slot : entry.slots().values()) {
        ServedVersion served = slot.ready();
        if (served != null) {
          ready.add(served);
        }
      }
    }
    return ready;
  }

  /**
   * One line of the index.
   *
   * @param version empty when the model has not been loaded
   * @param state as the protocol names it; empty when the model has not been loaded
   */
  public record IndexLine(String model, String version, String state, String reason) {}

  /** Everything in the repositories and in memory, by model and version. */
  public List<IndexLine> index() {
    List<IndexLine> lines = new ArrayList<>();
    NavigableSet<String> names = new TreeSet<>(models.keySet());
    try {
      names.addAll(folders.models().keySet());
    } catch (IOException e) {
      log.log(Level.WARNING, "Cannot read the model repository", e);
    }
    for (String name : names) {
      ModelEntry entry = models.get(name);
      if (entry == null || entry.slots().isEmpty()) {
        lines.add(new IndexLine(name, "", "", ""));
      } else {
        entry
            .slots()
            .forEach((version, slot) ->
                lines.add(
                    new IndexLine(
                        name,
                        version == CONFIGURATION ? "" : version.toString(),
                        slot.shownState().protocolName(),
                        slot.reason())));
      }
    }
    return lines;
  }

  /** Takes no more requests anywhere; those that wait are still served. */
  public void stopAccepting() {
    stopping = true;
    ready().forEach(ServedVersion::stopAccepting);
  }

  /** Whether {@link #stopAccepting()} has been called. */
  public boolean isStopping() {
    return stopping;
  }

  /** The refusal of a request that comes too late. */
  public static Fault stoppingFault() {
    return Fault.of(Status.Code.UNAVAILABLE, "STOPPING", STOPPING).pushback(Duration.ofSeconds(1));
  }

  /**
   * Waits until all requests have been answered; those that still wait at the end are failed.
   *
   * @return whether all could be answered
   */
  public boolean drain(Duration timeout) throws InterruptedException {
    stopAccepting();
    long endNanos = System.nanoTime() + timeout.toNanos();
    boolean idle = true;
    for (ServedVersion version : ready()) {
      idle &= version.awaitIdle(Math.max(0, endNanos - System.nanoTime()));
      for (InferenceJob job : version.evict()) {
        job.fail(stoppingFault());
      }
    }
    return idle;
  }

  /** Lets every version go. Memory is given back when the last call has been answered. */
  @Override
  public void close() {
    stopAccepting();
    List<ServedVersion> going = ready();
    models.values().forEach(entry -> entry.slots().keySet().forEach(v -> takeDown(entry, v)));
    try {
      for (ServedVersion version : going) {
        if (!version.awaitReleased(Duration.ofSeconds(5).toNanos())) {
          log.log(
              Level.WARNING,
              "Model ''{0}'' version {1} still runs a batch",
              new Object[] {version.name(), version.number()});
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void note(String name, Set<String> ignored) {
    for (String field : ignored) {
      if (noted.add(name + "/" + field)) {
        log.log(
            Level.WARNING,
            "Model ''{0}'': config.pbtxt sets {1}, which this server does not act upon",
            new Object[] {name, field});
      }
    }
  }

  private static Fault unknown(String name, String what) {
    return Fault.of(
            Status.Code.NOT_FOUND,
            "MODEL_NOT_FOUND",
            "Request for unknown model: '" + name + "' " + what)
        .resource("model", name);
  }

  private static Fault failedToLoad(String name, String reason, Throwable cause) {
    return Fault.of(Status.Code.INTERNAL, "LOAD_FAILED", "failed to load '" + name + "', " + reason)
        .resource("model", name)
        .cause(cause);
  }
}
