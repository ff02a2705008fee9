package dev.understudy.launcher.offline;

import dev.understudy.chassis.rpc.ChannelOptions;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Two versions that can be called; what is a file is served from here as long as it is open. */
final class Pairing implements AutoCloseable {
  private static final List<String> NAMES = List.of("a", "b");

  private final Endpoint champion;
  private final Endpoint challenger;
  private final String model;
  private final @Nullable Local local;

  private Pairing(Endpoint champion, Endpoint challenger, String model, @Nullable Local local) {
    this.champion = champion;
    this.challenger = challenger;
    this.model = model;
    this.local = local;
  }

  /**
   * Starts what has to be started; servers elsewhere are not asked yet.
   *
   * @param options for servers elsewhere
   */
  static Pairing open(Subject champion, Subject challenger, ChannelOptions options)
      throws IOException {
    List<Subject> subjects = List.of(champion, challenger);
    List<String> names = new ArrayList<>();
    List<Subject> files = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      if (!(subjects.get(i) instanceof Subject.Served)) {
        names.add(NAMES.get(i));
        files.add(subjects.get(i));
      }
    }
    Local local = files.isEmpty() ? null : Local.serve(names, files);
    List<Endpoint> endpoints = new ArrayList<>();
    try {
      open(subjects, local, options, endpoints);
    } catch (RuntimeException | Error e) {
      endpoints.forEach(Endpoint::close);
      if (local != null) {
        local.close();
      }
      throw e;
    }
    String model =
        champion instanceof Subject.Served served ? served.model() : champion.shortName();
    return new Pairing(endpoints.get(0), endpoints.get(1), model, local);
  }

  private static void open(
      List<Subject> subjects,
      @Nullable Local local,
      ChannelOptions options,
      List<Endpoint> endpoints) {
    boolean namesakes = subjects.get(0).shortName().equals(subjects.get(1).shortName());
    for (int i = 0; i < 2; i++) {
      String shownAs = subjects.get(i).shortName() + (namesakes ? i == 0 ? " (A)" : " (B)" : "");
      if (subjects.get(i) instanceof Subject.Served served) {
        endpoints.add(Endpoint.open(served, shownAs, options));
      } else if (local != null) {
        endpoints.add(
            Endpoint.open(
                new Subject.Served(local.address(), NAMES.get(i), ""),
                shownAs,
                ChannelOptions.plaintext()));
      }
    }
  }

  Endpoint champion() {
    return champion;
  }

  Endpoint challenger() {
    return challenger;
  }

  /** What the pair is called. */
  String model() {
    return model;
  }

  @Override
  public void close() throws IOException {
    champion.close();
    challenger.close();
    if (local != null) {
      local.close();
    }
  }
}
