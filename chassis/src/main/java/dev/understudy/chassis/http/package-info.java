/** A small HTTP server for pages, JSON and server-sent events. */
@NullMarked
package dev.understudy.chassis.http;

import org.jspecify.annotations.NullMarked;
