package dev.understudy.rollout.fleet;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.rollout.fleet.Fleets.Holding;
import dev.understudy.rollout.routing.ModelConfig;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Which versions each server shall hold. A server may belong to several fleets and then holds what
 * each of them needs; so it is never told to drop what another arm uses.
 */
public final class Holdings {
  private static final Comparator<String> NUMERIC = Comparator.comparingLong(Long::parseLong);

  private Holdings() {}

  /** Before the trial: the challenger where it is tried, the champion where it is the control. */
  public static List<Holding> forTrial(ModelConfig config, String champion, String challenger) {
    var wanted = wanted(config, champion, challenger);
    List<Holding> holdings = new ArrayList<>();
    add(holdings, wanted, config.challengerFleet(), challenger);
    add(holdings, wanted, config.controlFleet(), champion);
    return holdings;
  }

  /**
   * Around a promotion: both versions on the champion's servers, so that either can serve at once.
   *
   * @param awaited the version that is to serve next
   */
  public static List<Holding> forSwitch(
      ModelConfig config, String champion, String challenger, String awaited) {
    var wanted = wanted(config, champion, challenger);
    for (HostPort server : config.championFleet()) {
      merge(wanted, server, champion);
      merge(wanted, server, challenger);
    }
    List<Holding> holdings = new ArrayList<>();
    add(holdings, wanted, config.championFleet(), awaited);
    return holdings;
  }

  /** During a watch: the former champion where it goes on serving its share. */
  public static List<Holding> forWatch(ModelConfig config, String former, String challenger) {
    var wanted = wanted(config, former, challenger);
    for (HostPort server : config.championFleet()) {
      merge(wanted, server, challenger);
    }
    List<Holding> holdings = new ArrayList<>();
    add(holdings, wanted, config.sparedFleet(), former);
    return holdings;
  }

  /** After a promotion, or its undo, is over: the champion's servers drop the other version. */
  public static List<Holding> afterwards(ModelConfig config, String champion, String challenger) {
    Map<HostPort, SortedSet<String>> wanted = new LinkedHashMap<>();
    config.championFleet().forEach(server -> merge(wanted, server, champion));
    config.challengerFleet().forEach(server -> merge(wanted, server, challenger));
    List<Holding> holdings = new ArrayList<>();
    add(holdings, wanted, config.championFleet(), champion);
    return holdings;
  }

  private static Map<HostPort, SortedSet<String>> wanted(
      ModelConfig config, String champion, String challenger) {
    Map<HostPort, SortedSet<String>> wanted = new LinkedHashMap<>();
    config.championFleet().forEach(server -> merge(wanted, server, champion));
    config.challengerFleet().forEach(server -> merge(wanted, server, challenger));
    config.controlFleet().forEach(server -> merge(wanted, server, champion));
    return wanted;
  }

  private static void merge(
      Map<HostPort, SortedSet<String>> wanted, HostPort server, String version) {
    wanted.computeIfAbsent(server, _ -> new TreeSet<>(NUMERIC)).add(version);
  }

  private static void add(
      List<Holding> holdings,
      Map<HostPort, SortedSet<String>> wanted,
      List<HostPort> fleet,
      String awaited) {
    for (HostPort server : fleet) {
      SortedSet<String> versions = wanted.get(server);
      if (versions != null) {
        holdings.add(new Holding(server, versions, awaited));
      }
    }
  }
}
