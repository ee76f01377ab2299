// The bounds of MSRP sessions, unit in each name, reason beside it. What an operator may change is a
// setting; what stands here protects the process from a peer who means ill.

export const msrpLimits = {
  /** Octets of one message by default; the setting `msrp.messageOctets`. */
  messageOctetsDefault: 1_048_576,
  /** Octets that all messages under way may hold in memory together. */
  octetsInMemoryMax: 134_217_728,
  /** Sessions at once; beyond it the sender hears 503. */
  sessionsMax: 256,
  /** TCP connections at once; beyond it a new one is closed. */
  connectionsMax: 512,
  /** Of one host, those that have not named their session yet: behind one NAT many phones may call at the same moment. */
  newcomersPerHostMax: 64,
  /** Messages one session may bring: large message mode has one (draft-stafford-simple-dmdn-00 2.1). */
  messagesPerSessionMax: 4,
  /** Holes a message may have while its chunks come in any order. */
  gapsMax: 1_024,
  /** Octets of one line of a frame's head: the longest is a path over relays. */
  lineOctetsMax: 4_096,
  /** Header lines of one frame. */
  headersMax: 32,
  /** URIs of one path. */
  pathUrisMax: 8,
  /** Octets of a session description. */
  sdpOctetsMax: 16_384,
  /** Octets of one chunk of ours: a peer can answer before the whole has come. */
  chunkOctets: 16_384,
  /** Chunks on their way without an answer. */
  chunksInFlightMax: 16,
  /** Octets that may wait for a peer to read them: our window of chunks, and answers. */
  unreadOctetsMax: 1_048_576,
  /** A new connection must name its session within this time. */
  bindMsMax: 10_000,
  /** A session whose peer says nothing for this long is over (RFC 4975 has no figure). */
  idleMsMax: 30_000,
  /** One session from its beginning to its end. */
  sessionMsMax: 150_000,
  /** After the last message the sender has this long to say BYE. */
  byeMsMax: 10_000,
  /** After the BYE of a phone that has been sent everything, its answers may be on their way for so long. */
  lastAnswersMsMax: 2_000,
  /** Pushes remembered by identity after their end: a repetition is answered from memory. */
  pushesRemembered: 4_096,
} as const;
