/** Tests of the load driver against a server with known delays. */
@org.jspecify.annotations.NullMarked
package dev.understudy.loadtest;
