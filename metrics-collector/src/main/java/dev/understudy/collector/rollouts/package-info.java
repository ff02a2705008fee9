/** Watches what the comparator reports and the controller does, so that the page can show it. */
@NullMarked
package dev.understudy.collector.rollouts;

import org.jspecify.annotations.NullMarked;
