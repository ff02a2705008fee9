package dev.understudy.launcher.doctor;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.ChannelOptions;

/**
 * A service that is to be asked.
 *
 * @param kind what it is
 * @param address a router's is that of its admin port
 * @param options how it is spoken to
 */
public record Peer(Kind kind, HostPort address, ChannelOptions options) {
  /** What a service is. */
  public enum Kind {
    /** By its admin port. */
    ROUTER("router"),
    /** The rollout controller. */
    CONTROLLER("controller"),
    /** The shadow comparator. */
    COMPARATOR("comparator"),
    /** The metrics collector. */
    COLLECTOR("collector"),
    /** Any server of the Open Inference Protocol. */
    MODEL_SERVER("model server");

    private final String words;

    Kind(String words) {
      this.words = words;
    }

    /** As people call it. */
    public String words() {
      return words;
    }
  }

  /** What it is and where. */
  String name() {
    return kind.words + " " + address;
  }
}
