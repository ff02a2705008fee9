package dev.understudy.rollout.fleet;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.proto.v1.ModelSignature;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

/** The model servers. No method blocks; a future that fails does so with a text for people. */
public interface Fleets {
  /**
   * What a server shall hold of a model.
   *
   * @param versions all that it shall hold
   * @param awaited the one of them that must be ready before traffic goes there
   */
  record Holding(HostPort server, SortedSet<String> versions, String awaited) {}

  /**
   * What was done.
   *
   * @param calls one line per load or unload call that was made, for the audit log
   * @param notes what people should know, such as a server that cannot be told what to load
   */
  record Done(List<String> calls, List<String> notes) {
    /** Both, this one first. */
    public Done and(Done other) {
      return new Done(
          Stream.concat(calls.stream(), other.calls.stream()).toList(),
          Stream.concat(notes.stream(), other.notes.stream()).toList());
    }
  }

  /**
   * Sees to it that the awaited versions are ready: tells a server to load what is missing and
   * waits. A server that has it ready is left alone, so repeating this does no harm. Completes
   * exceptionally if a server refuses or is not ready in time.
   */
  CompletableFuture<Done> prepare(String model, List<Holding> holdings);

  /**
   * Checks that ready servers hold the files that the catalog knows. A server that reports no
   * digest for its awaited version is believed. Completes exceptionally, with {@link
   * FleetException.WrongDigest}, if one reports another digest.
   *
   * @param digests by version, hex; one that is missing or empty is not checked
   */
  CompletableFuture<Void> verify(String model, List<Holding> holdings, Map<String, String> digests);

  /**
   * Tells servers to hold exactly these versions and drop others. Never fails: a server that cannot
   * be told keeps what it has, and a note says so.
   */
  CompletableFuture<Done> retain(String model, List<Holding> holdings);

  /** What a version takes and gives, asked of the first server that answers. */
  CompletableFuture<ModelSignature> signature(List<HostPort> servers, String model, String version);
}
