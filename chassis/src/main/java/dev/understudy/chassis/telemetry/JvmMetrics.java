package dev.understudy.chassis.telemetry;

import com.sun.management.OperatingSystemMXBean;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.Meter;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;

/** What the JVM says about itself, under the names of OpenTelemetry's conventions. */
final class JvmMetrics {
  private static final AttributeKey<String> TYPE = AttributeKey.stringKey("jvm.memory.type");
  private static final AttributeKey<String> GC = AttributeKey.stringKey("jvm.gc.name");
  private static final AttributeKey<String> POOL = AttributeKey.stringKey("jvm.buffer.pool.name");

  private JvmMetrics() {}

  static void register(Meter meter) {
    var memory = ManagementFactory.getMemoryMXBean();
    meter
        .gaugeBuilder("jvm.memory.used")
        .ofLongs()
        .setUnit("By")
        .setDescription("Memory in use")
        .buildWithCallback(out -> {
          out.record(memory.getHeapMemoryUsage().getUsed(), Attributes.of(TYPE, "heap"));
          out.record(memory.getNonHeapMemoryUsage().getUsed(), Attributes.of(TYPE, "non_heap"));
        });
    meter
        .gaugeBuilder("jvm.memory.limit")
        .ofLongs()
        .setUnit("By")
        .setDescription("The largest heap that the JVM may use")
        .buildWithCallback(
            out -> out.record(memory.getHeapMemoryUsage().getMax(), Attributes.of(TYPE, "heap")));
    var buffers = ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class);
    meter
        .gaugeBuilder("jvm.buffer.memory.used")
        .ofLongs()
        .setUnit("By")
        .setDescription("Memory outside the heap that the JDK's buffers hold")
        .buildWithCallback(out ->
            buffers.forEach(
                pool -> out.record(pool.getMemoryUsed(), Attributes.of(POOL, pool.getName()))));
    var collectors = ManagementFactory.getPlatformMXBeans(GarbageCollectorMXBean.class);
    meter
        .counterBuilder("jvm.gc.pause")
        .ofDoubles()
        .setUnit("s")
        .setDescription("Time spent in garbage collections")
        .buildWithCallback(out ->
            collectors.forEach(gc ->
                out.record(gc.getCollectionTime() / 1000.0, Attributes.of(GC, gc.getName()))));
    var threads = ManagementFactory.getThreadMXBean();
    meter
        .gaugeBuilder("jvm.thread.count")
        .ofLongs()
        .setUnit("{thread}")
        .setDescription("Platform threads")
        .buildWithCallback(out -> out.record(threads.getThreadCount()));
    var system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    meter
        .counterBuilder("jvm.cpu.time")
        .ofDoubles()
        .setUnit("s")
        .setDescription("Processor time of this process")
        .buildWithCallback(out -> out.record(system.getProcessCpuTime() / 1e9));
    meter
        .gaugeBuilder("jvm.cpu.count")
        .ofLongs()
        .setUnit("{cpu}")
        .setDescription("Processors that the JVM may use")
        .buildWithCallback(out -> out.record(Runtime.getRuntime().availableProcessors()));
  }
}
