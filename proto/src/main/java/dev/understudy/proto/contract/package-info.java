/**
 * Reads a data contract as its author writes it into the message that travels in a routing table.
 */
@NullMarked
package dev.understudy.proto.contract;

import org.jspecify.annotations.NullMarked;
